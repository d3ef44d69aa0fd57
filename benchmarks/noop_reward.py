"""A reward type that costs nothing, for measuring everything around rewards; loaded with ``--plugin``."""

from __future__ import annotations

from typing import Literal

from verifier.rewards.base import ItemReward, RewardParameters, Sample, Score
from verifier.schema import Verdict


class NoopParameters(RewardParameters):
    """None of its own."""

    type: Literal["noop"]


class NoopReward(ItemReward[NoopParameters]):
    """Scores everything 1."""

    type_name = "noop"
    Parameters = NoopParameters

    def score(self, sample: Sample, parameters: NoopParameters) -> Score:
        """Score it 1."""
        return Score(1.0, Verdict.SCORED)
