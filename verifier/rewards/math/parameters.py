"""The parameters of ``math`` and the shape of its reference; imports nothing heavy, for the HTTP process."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from verifier.rewards.base import ReferenceModel, RewardParameters

ExtractMode = Literal["auto", "boxed", "answer_tag", "hash", "answer_line", "last_number", "whole"]
ReferenceMode = Literal["auto", "boxed", "hash", "whole"]

MAX_REFERENCE_CHARACTERS = 100_000
MAX_ALTERNATIVES = 64


class MathParameters(RewardParameters):
    """Where the answer stands, and every choice that mathematics itself does not force."""

    type: Literal["math"]
    extract: ExtractMode | Annotated[list[ExtractMode], Field(min_length=1, max_length=7)] = "auto"
    """One way, or several tried in order until one finds an answer. ``auto`` is ``answer_tag``, ``boxed``,
    ``hash``, ``answer_line``; never the last number anywhere, which is farmed."""
    extract_reference: ReferenceMode = "auto"
    """``auto``: a reference with a box or a ``#### `` line is a whole solution, any other is the answer."""
    tolerance: Literal["exact", "stated"] | Annotated[float, Field(gt=0, lt=1)] = "exact"
    """``exact``: 0.333 is not 1/3. ``stated``: a decimal reference is matched at its own stated precision.
    A number: the relative error that is allowed of numeric answers."""
    units: Literal["ignore", "require"] = "ignore"
    """What a unit (``cm``, ``%``, ``$``, the base of a numeral) that only one side has means: nothing, or a
    wrong answer. Two different units are never equal unless they convert."""
    integration_constant: Literal["require", "ignore"] = "require"
    """Whether an answer must carry the ``+ C`` of its reference."""
    require_single_answer: bool = True
    """Several different final answers are ``ambiguous`` and score 0; when false the last one counts."""


class MathReference(ReferenceModel):
    """The right answer, or several of which any will do."""

    answer: (
        Annotated[str, Field(max_length=MAX_REFERENCE_CHARACTERS)]
        | Annotated[
            list[Annotated[str, Field(max_length=MAX_REFERENCE_CHARACTERS)]],
            Field(min_length=1, max_length=MAX_ALTERNATIVES),
        ]
    )
