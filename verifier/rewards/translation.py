"""``bleu`` and ``chrf``: how near is the translation to the reference? 0 to 1, by sacrebleu.

``reference: {"answer": "…" | ["…", …]}``. BLEU (Papineni et al. 2002) as sacrebleu's ``corpus_bleu`` of the
one sentence, chrF (Popović 2015) likewise, both divided by 100. MT-R1-Zero reads the translation from
``<translate>`` tags: ``tag``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field

from verifier.rewards.answers import gold_answers, shown
from verifier.rewards.base import ItemReward, RewardParameters, Sample, Score
from verifier.rewards.extraction import after_reasoning, tagged
from verifier.schema import Verdict

MAX_CHARACTERS = 50_000


class TranslationParameters(RewardParameters):
    """Where the translation stands."""

    tag: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")] | None = None
    """The tag that holds it; by default the whole text after the reasoning."""


class BleuParameters(TranslationParameters):
    """How words are told apart, and how missing n-grams count."""

    type: Literal["bleu"]
    tokenize: Literal["13a", "intl", "zh", "char", "none"] = "13a"
    effective_order: bool = False
    """Leave out orders without a match: for very short sentences."""


class ChrfParameters(TranslationParameters):
    """How many words of context count: 0 is chrF, 2 is chrF++."""

    type: Literal["chrf"]
    word_order: Annotated[int, Field(ge=0, le=4)] = 0


class BleuReward(ItemReward[BleuParameters]):
    """BLEU/100 of the translation."""

    type_name = "bleu"
    Parameters = BleuParameters
    isolated = True

    def preload(self) -> None:
        """Import sacrebleu."""
        _bleu("13a", effective_order=False)

    def score(self, sample: Sample, parameters: BleuParameters) -> Score:
        """Measure the one sentence."""
        return _score(
            sample, parameters, _bleu(parameters.tokenize, effective_order=parameters.effective_order)
        )


class ChrfReward(ItemReward[ChrfParameters]):
    """chrF/100 of the translation."""

    type_name = "chrf"
    Parameters = ChrfParameters
    isolated = True

    def preload(self) -> None:
        """Import sacrebleu."""
        _chrf(0)

    def score(self, sample: Sample, parameters: ChrfParameters) -> Score:
        """Measure the one sentence."""
        return _score(sample, parameters, _chrf(parameters.word_order))


@lru_cache
def _bleu(tokenize: str, *, effective_order: bool) -> Any:
    from sacrebleu.metrics.bleu import BLEU  # imports half a second of others

    return BLEU(tokenize=tokenize, effective_order=effective_order)


@lru_cache
def _chrf(word_order: int) -> Any:
    from sacrebleu.metrics.chrf import CHRF  # imports half a second of others

    return CHRF(word_order=word_order)


def _score(sample: Sample, parameters: TranslationParameters, metric: Any) -> Score:
    golds = gold_answers(sample)
    found = _translations(sample.completion, parameters.tag)
    if len(found) != 1 or not found[0]:
        return Score(0.0, Verdict.AMBIGUOUS if len(found) > 1 else Verdict.NO_ANSWER, {"found": len(found)})
    if len(found[0]) > MAX_CHARACTERS:
        return Score(0.0, Verdict.SCORED, {"reason": "too_long"})
    value = metric.corpus_score(found, [[gold] for gold in golds]).score / 100
    return Score(min(1.0, max(0.0, value)), Verdict.SCORED, {"extracted": shown(found[0])})


def _translations(completion: str, tag: str | None) -> list[str]:
    text = after_reasoning(completion)
    return [text.strip()] if tag is None else tagged(text, tag)
