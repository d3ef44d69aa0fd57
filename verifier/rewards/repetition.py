"""``repetition``: penalties for saying the same again. 0 for text that does not, else negative.

Three forms, over words (split at white space, lower case):

- ``ngram``: (1 − distinct/total n-grams)·``penalty`` (arXiv 2502.03373, App. C.2).
- ``dense``: ``penalty`` for every word that a repeated n-gram covers (there: n = 40, −.05 a token).
- ``suffix``: ``penalty`` when the text ends in a loop: a block of at most ``n`` words, ``loops`` times over.

Of texts beyond ``MAX_WORDS`` words the end is measured.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from verifier.rewards.base import Combinator, Part, RewardParameters, Sample, Score
from verifier.schema import JsonObject, RewardSpec, Verdict

MAX_WORDS = 200_000
_ANCHOR_WORDS = 4
_ANCHORED_WORDS = 4_000


class RepetitionParameters(RewardParameters):
    """Which form, over which n."""

    type: Literal["repetition"]
    form: Literal["ngram", "dense", "suffix"] = "ngram"
    n: Annotated[int, Field(ge=1, le=200)] = 3
    """Words of an n-gram; of ``suffix``, the most words of a loop's block."""
    penalty: Annotated[float, Field(le=0)] = -1.0
    loops: Annotated[int, Field(ge=2, le=1000)] = 4
    """Of ``suffix``: how many times over is a loop."""
    unless: RewardSpec | None = None
    """No penalty where this reward scores above .5: the sparse form, on wrong answers only."""

    @model_validator(mode="after")
    def _fits_its_form(self) -> RepetitionParameters:
        if self.form != "suffix" and "loops" in self.model_fields_set:
            raise ValueError("'loops' belongs to the form 'suffix'")
        return self


class RepetitionReward(Combinator[RepetitionParameters]):
    """The penalty of the form, at most 0."""

    type_name = "repetition"
    Parameters = RepetitionParameters

    def parts(self, parameters: RepetitionParameters) -> Mapping[str, RewardSpec]:
        """What spares a completion, where that is asked for."""
        return {} if parameters.unless is None else {"unless": parameters.unless}

    def combine(self, sample: Sample, parts: Mapping[str, Part], parameters: RepetitionParameters) -> Score:
        """Measure the repetition."""
        if "unless" in parts and parts["unless"]().value > 0.5:
            return Score(0.0, Verdict.SCORED, {"spared": True})
        words = sample.completion.lower().split()[-MAX_WORDS:]
        amount, detail = _amount(words, parameters)
        return Score(amount * parameters.penalty if amount else 0.0, Verdict.SCORED, detail)


def _amount(words: list[str], parameters: RepetitionParameters) -> tuple[float, JsonObject]:
    """By how much the penalty is multiplied, and what was found."""
    if parameters.form == "suffix":
        period = looping_suffix(words, parameters.n, parameters.loops)
        return float(period is not None), {"loop_words": period}
    total = max(0, len(words) - parameters.n + 1)
    if _surely_distinct(words, parameters.n):
        return 0.0, {"ngrams": total, "repeated": 0}
    grams = _gram_hashes(words, parameters.n)
    if parameters.form == "ngram":
        distinct = len(set(grams))
        return 1 - distinct / total, {"ngrams": total, "repeated": total - distinct}
    covered = _covered(grams, parameters.n)
    return float(covered), {"ngrams": total, "repeated_words": covered}


def _surely_distinct(words: Sequence[str], n: int) -> bool:
    """Whether no n-gram can stand twice, found the quick way; False also where it cannot tell.

    Every n-gram covers one of the anchors: ``_ANCHOR_WORDS`` words, one anchor every n − ``_ANCHOR_WORDS``
    words. Where no anchor stands again later, no n-gram does. Not for long texts: the search is quadratic.
    """
    if len(words) < n:
        return True
    if n < 4 * _ANCHOR_WORDS or len(words) > _ANCHORED_WORDS:
        return False
    text = " ".join(words)
    starts = range(0, len(words) - _ANCHOR_WORDS + 1, n - _ANCHOR_WORDS)
    here = 0
    for start in starts:
        anchor = " ".join(words[start : start + _ANCHOR_WORDS])
        here = text.find(anchor, here)
        if text.find(anchor, here + 1) >= 0:
            return False
    return True


def _gram_hashes(words: Sequence[str], n: int) -> list[int]:
    """A 64-bit keyed hash of each n-gram: equal n-grams have equal ones, others practically never."""
    numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
    text = array("I", map(numbers.__getitem__, words))
    width = text.itemsize
    raw = text.tobytes()
    return [hash(raw[start : start + n * width]) for start in range(0, len(raw) - n * width + 1, width)]


def _covered(grams: Sequence[int], n: int) -> int:
    """The number of words that lie in an n-gram seen before."""
    seen: set[int] = set()
    covered = end = 0
    for start, gram in enumerate(grams):
        if gram in seen:
            covered += start + n - max(start, end)
            end = start + n
        else:
            seen.add(gram)
    return covered


def looping_suffix(words: Sequence[str], longest: int, loops: int) -> int | None:
    """How many words (at most ``longest``) the block has that ends the text ``loops`` times over, or None."""
    tail = words[-longest * loops :][::-1]
    for period, run in enumerate(_matches(tail)[: longest + 1]):
        if period and (run + period) // period >= loops:
            return period
    return None


def _matches(sequence: Sequence[str]) -> list[int]:
    """For each position, how far what starts there repeats the sequence's beginning (the Z function)."""
    lengths = [0] * len(sequence)
    left = right = 0
    for position in range(1, len(sequence)):
        run = min(right - position, lengths[position - left]) if position < right else 0
        while position + run < len(sequence) and sequence[run] == sequence[position + run]:
            run += 1
        if position + run > right:
            left, right = position, position + run
        lengths[position] = run
    return lengths
