"""``by_verdict``: a number for each verdict of another reward.

Many systems pay by what was found rather than by degree: Logic-RL +2 for right, −1.5 for wrong, −2 for an
answer that cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from verifier.rewards.base import Combinator, Part, RewardParameters, Sample, Score
from verifier.rewards.combinators import explain
from verifier.schema import RewardSpec

VerdictName = Literal[
    "correct",
    "incorrect",
    "partial",
    "no_answer",
    "ambiguous",
    "timeout",
    "memory_limit",
    "output_limit",
    "runtime_error",
    "compile_error",
]


class ByVerdictParameters(RewardParameters):
    """The values; a verdict that none is given for keeps its score."""

    type: Literal["by_verdict"]
    of: RewardSpec
    values: Annotated[dict[VerdictName, float], Field(min_length=1)]


class ByVerdictReward(Combinator[ByVerdictParameters]):
    """The value of the part's verdict, or the part's score where there is none."""

    type_name = "by_verdict"
    Parameters = ByVerdictParameters

    def parts(self, parameters: ByVerdictParameters) -> Mapping[str, RewardSpec]:
        """The one reward."""
        return {"of": parameters.of}

    def combine(self, sample: Sample, parts: Mapping[str, Part], parameters: ByVerdictParameters) -> Score:
        """Look the verdict up."""
        score = parts["of"]()
        values: Mapping[str, float] = {str(verdict): value for verdict, value in parameters.values.items()}
        value = values.get(score.verdict.value, score.value)
        return Score(value, score.verdict, {"parts": {"of": explain(score)}})
