"""The forms of ``length`` that compare the completions of one prompt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from verifier.rewards.base import GroupReward, Member, Sample, Score
from verifier.rewards.length.measure import measured_length
from verifier.rewards.length.parameters import LengthParameters
from verifier.schema import RewardSpec, Verdict


class LengthInGroup(GroupReward[LengthParameters]):
    """``kimi`` and ``efficient``."""

    type_name = "length"
    Parameters = LengthParameters

    def parts(self, parameters: LengthParameters) -> Mapping[str, RewardSpec]:
        """The reward that says what is right."""
        assert parameters.correct is not None
        return {"correct": parameters.correct}

    def admit(self, sample: Sample, parameters: LengthParameters) -> None:
        """A member has a length."""
        measured_length(sample, parameters)

    def score_group(self, members: Sequence[Member], parameters: LengthParameters) -> list[Score]:
        """Work out the form's formula over all members."""
        measured = [measured_length(member.sample, parameters) for member in members]
        lengths = [length.count for length in measured]
        right = [member.parts["correct"]().value > parameters.above for member in members]
        values = (
            _kimi(lengths, right)
            if parameters.form == "kimi"
            else _efficient(lengths, right, parameters.strength)
        )
        group = {"group_size": len(members), "shortest": min(lengths), "longest": max(lengths)}
        return [
            Score(
                value,
                Verdict.SCORED,
                {
                    "form": parameters.form,
                    "length": length.count,
                    "unit": length.unit,
                    "right": is_right,
                    **group,
                },
            )
            for value, length, is_right in zip(values, measured, right, strict=True)
        ]


def _kimi(lengths: Sequence[int], right: Sequence[bool]) -> list[float]:
    """λ = ½ − (len − min)/(max − min) where right, min(0, λ) where wrong (Kimi k1.5, arXiv 2501.12599).

    0 for all where all are of one length, so for a group of one.
    """
    shortest, longest = min(lengths), max(lengths)
    if shortest == longest:
        return [0.0] * len(lengths)
    slopes = [0.5 - (length - shortest) / (longest - shortest) for length in lengths]
    return [slope if is_right else min(0.0, slope) for slope, is_right in zip(slopes, right, strict=True)]


def _efficient(lengths: Sequence[int], right: Sequence[bool], alpha: float) -> list[float]:
    """1[right]·(1 − α·σ((len − mean)/std)), over the right ones (arXiv 2502.04463, eq. 3–4).

    Population std, plus 1e-7 as in the authors' code; so 1 − α/2 for the only right one, and where all right
    ones are of one length.
    """
    counted = [length for length, is_right in zip(lengths, right, strict=True) if is_right]
    if not counted:
        return [0.0] * len(lengths)
    mean = sum(counted) / len(counted)
    deviation = math.sqrt(sum((length - mean) ** 2 for length in counted) / len(counted)) + 1e-7
    return [
        1.0 - alpha * _sigmoid((length - mean) / deviation) if is_right else 0.0
        for length, is_right in zip(lengths, right, strict=True)
    ]


def _sigmoid(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value))
