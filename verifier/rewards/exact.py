"""``exact``: is the answer, as text, one of the reference's? 1 or 0."""

from __future__ import annotations

from typing import Literal

from verifier.rewards.answers import gold_answers, judged, single_answer
from verifier.rewards.base import ItemReward, RewardParameters, Sample, Score
from verifier.rewards.extraction import Extract
from verifier.rewards.text import Normalize, normalize


class ExactParameters(RewardParameters):
    """Where the answer stands, and what differences do not count."""

    type: Literal["exact"]
    extract: Extract = "auto"
    normalize: Normalize = "text"
    """``none``: outer space; ``text``: also case and runs of space; ``qa``: also punctuation and articles."""


class ExactReward(ItemReward[ExactParameters]):
    """1 when the answer equals one of ``reference.answer`` after normalisation, else 0."""

    type_name = "exact"
    Parameters = ExactParameters

    def score(self, sample: Sample, parameters: ExactParameters) -> Score:
        """Compare the one answer with each of the reference's."""
        golds = gold_answers(sample)
        answer, without = single_answer(
            sample, parameters.extract, lambda text: normalize(text, parameters.normalize)
        )
        if answer is None:
            return without
        mine = normalize(answer, parameters.normalize)
        right = any(mine == normalize(gold, parameters.normalize) for gold in golds)
        return judged(right, answer, golds)
