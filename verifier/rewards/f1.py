"""``f1``: overlap of words with the reference answer, as question answering measures it. 0 to 1.

SQuAD (arXiv 1606.05250, §4): answers are lower-cased, stripped of punctuation and articles, and split at
white space; F1 = 2·P·R/(P+R) over the multisets of words, the best over the reference's answers. Answers
``yes``, ``no`` and ``noanswer`` match whole or not at all (HotpotQA's rule). ``cover`` asks whether the
reference's words stand together in the answer; ``exact`` whether both are the same.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

from verifier.rewards.answers import gold_answers, shown, single_answer
from verifier.rewards.base import ItemReward, RewardParameters, Sample, Score
from verifier.rewards.extraction import Extract
from verifier.rewards.text import qa_tokens
from verifier.schema import Verdict

_CLOSED = (["yes"], ["no"], ["noanswer"])


class F1Parameters(RewardParameters):
    """Where the answer stands, and which measure."""

    type: Literal["f1"]
    extract: Extract = "auto"
    metric: Literal["f1", "exact", "cover"] = "f1"


class F1Reward(ItemReward[F1Parameters]):
    """The best F1 (or exact match, or cover match) over ``reference.answer``."""

    type_name = "f1"
    Parameters = F1Parameters

    def score(self, sample: Sample, parameters: F1Parameters) -> Score:
        """Measure the one answer against each of the reference's."""
        golds = gold_answers(sample)
        answer, without = single_answer(sample, parameters.extract, lambda text: " ".join(qa_tokens(text)))
        if answer is None:
            return without
        mine = qa_tokens(answer)
        values = [_measure(mine, qa_tokens(gold), parameters.metric) for gold in golds]
        best = max(range(len(values)), key=values.__getitem__)
        verdict = {0.0: Verdict.INCORRECT, 1.0: Verdict.CORRECT}.get(values[best], Verdict.PARTIAL)
        detail = {"extracted": shown(answer), "reference": shown(golds[best]), "metric": parameters.metric}
        return Score(values[best], verdict, detail)


def _measure(mine: list[str], gold: list[str], metric: str) -> float:
    if mine == gold:
        return 1.0
    if metric == "exact":
        return 0.0
    if metric == "cover":
        return 1.0 if gold and f" {' '.join(gold)} " in f" {' '.join(mine)} " else 0.0
    return word_f1(mine, gold)


def word_f1(mine: list[str], gold: list[str]) -> float:
    """F1 of two multisets of words; 0 when only one of them is a closed answer (yes, no)."""
    if mine != gold and (mine in _CLOSED or gold in _CLOSED):
        return 0.0
    shared = (Counter(mine) & Counter(gold)).total()
    return 2 * shared / (len(mine) + len(gold)) if shared else 0.0
