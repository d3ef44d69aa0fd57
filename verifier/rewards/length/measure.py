"""How long a completion is, and how long it was asked to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.base import ReferenceModel, Sample, read_reference
from verifier.rewards.length.parameters import LengthParameters, Unit


class TargetReference(ReferenceModel):
    """``{"target_length": 1024}``: n*, the length that the prompt asks for, in the reward's unit."""

    target_length: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Length:
    """So many of a unit."""

    count: int
    unit: Unit


def measured_length(sample: Sample, parameters: LengthParameters) -> Length:
    """The completion's length in the reward's unit.

    Raises:
        ItemInvalid: tokens are to be counted, and the item does not say how many it has.
    """
    unit = parameters.unit
    if unit == "tokens":
        if sample.completion_tokens is not None:
            return Length(sample.completion_tokens, unit)
        if parameters.without_tokens is None:
            raise ItemInvalid(
                ErrorCode.UNUSABLE_PARAMETER,
                "'length' counts tokens, and the item has no 'completion_tokens'; send it, or set 'unit'",
            )
        unit = parameters.without_tokens
    return Length(len(sample.completion) if unit == "characters" else len(sample.completion.split()), unit)


def target_length(sample: Sample) -> int:
    """n*, from ``reference.target_length``.

    Raises:
        ItemInvalid: it is missing, or no length.
    """
    return read_reference(sample, TargetReference).target_length
