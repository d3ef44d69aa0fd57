"""Every format, and which one a row is in."""

from __future__ import annotations

from verifier.datasets import (
    competition,
    functions,
    instructions,
    mathematics,
    native,
    prime_intellect,
    verl,
)
from verifier.datasets.fields import Row
from verifier.datasets.formats import Format

FORMATS: tuple[Format, ...] = (
    *native.FORMATS,
    *verl.FORMATS,
    *prime_intellect.FORMATS,
    *instructions.FORMATS,
    *competition.FORMATS,
    *functions.FORMATS,
    *mathematics.FORMATS,
)
"""In the order they are tried: the more telling fields first."""


def detect(row: Row) -> Format | None:
    """The format of a row, told by its fields; None for one that no format knows."""
    return next((candidate for candidate in FORMATS if candidate.matches(row)), None)


def named(name: str) -> Format:
    """The format of this name.

    Raises:
        ValueError: there is none; the message lists those that are.
    """
    for candidate in FORMATS:
        if candidate.name == name:
            return candidate
    known = ", ".join(sorted(candidate.name for candidate in FORMATS))
    raise ValueError(f"no data format of the name '{name}'; known are: auto, {known}")
