"""What a data format is: how its rows are known, and how one becomes a problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from verifier.datasets.fields import Row
from verifier.datasets.item import DatasetItem


@dataclass(frozen=True, slots=True)
class Format:
    """One shape of rows."""

    name: str
    matches: Callable[[Row], bool]
    """Whether a row is of this shape, told by its fields alone."""
    convert: Callable[[Row], DatasetItem]
    """The row as a problem; raises ``RowUnusable``."""
    solution_field: str | None = None
    """The field that the data set's own solution comes from."""
