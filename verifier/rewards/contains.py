"""``contains``: do the reference's phrases stand in the answer? 1 or 0."""

from __future__ import annotations

from typing import Literal

from verifier.rewards.answers import gold_answers, judged
from verifier.rewards.base import ItemReward, RewardParameters, Sample, Score
from verifier.rewards.extraction import Extract, find_answers
from verifier.rewards.text import Normalize, holds_phrase, normalize
from verifier.schema import Verdict


class ContainsParameters(RewardParameters):
    """Where to look, and how many of the phrases must be there."""

    type: Literal["contains"]
    extract: Extract = "whole"
    normalize: Normalize = "text"
    match: Literal["any", "all"] = "any"
    """Of several phrases in ``reference.answer``."""
    whole_words: bool = True
    """``cat`` does not stand in ``concatenate``."""


class ContainsReward(ItemReward[ContainsParameters]):
    """1 when any (or all) of ``reference.answer`` stand in the text after the reasoning, else 0."""

    type_name = "contains"
    Parameters = ContainsParameters

    def score(self, sample: Sample, parameters: ContainsParameters) -> Score:
        """Look for each phrase."""
        golds = gold_answers(sample)
        found = find_answers(sample.completion, parameters.extract)
        if not found:
            return Score(0.0, Verdict.NO_ANSWER, {"extracted": None})
        text = normalize(found[-1], parameters.normalize)
        phrases = [normalize(gold, parameters.normalize) for gold in golds]
        held = [
            holds_phrase(text, phrase) if parameters.whole_words else phrase in text for phrase in phrases
        ]
        right = all(held) if parameters.match == "all" else any(held)
        return judged(right, found[-1], golds, held=held)
