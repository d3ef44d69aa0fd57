"""``choice``: is the option chosen the right one? 1 or 0. Multiple choice, yes/no, true/false.

An option counts when the answer *is* it: ``B``, ``(B)``, ``**B.** Paris``, ``Option B``, or the
whole text of the option where the reference gives the texts. A letter somewhere in a sentence is no choice,
and two different options are none either (``ambiguous``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.answers import judged, shown
from verifier.rewards.base import ItemReward, ReferenceModel, RewardParameters, Sample, Score, read_reference
from verifier.rewards.extraction import Extract, find_answers
from verifier.rewards.text import normalize
from verifier.schema import Verdict

LETTERS = tuple("ABCDEFGHIJ")

_DRESS = re.compile(r"\\(?:text|textbf|mathrm|mathbf|boxed)\s*(?=\{)|[{}$*_`]|\\[()\[\] ]")


class ChoiceReference(ReferenceModel):
    """``{"answer": "B", "options": ["London", "Paris"]?}``."""

    answer: str
    """The right option, one of ``choices``."""
    options: list[str] | None = None
    """The options' texts, in the order of ``choices``."""


class ChoiceParameters(RewardParameters):
    """Where the answer stands, and what may be chosen."""

    type: Literal["choice"]
    extract: Extract = "auto"
    choices: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=40)]], Field(min_length=2, max_length=64)
    ] = Field(default=list(LETTERS))
    """The options' labels; case does not count."""


class ChoiceReward(ItemReward[ChoiceParameters]):
    """1 when the answer is the option ``reference.answer`` names, else 0."""

    type_name = "choice"
    Parameters = ChoiceParameters

    def score(self, sample: Sample, parameters: ChoiceParameters) -> Score:
        """Read the option and compare it."""
        reference = read_reference(sample, ChoiceReference)
        labels = tuple(label.casefold() for label in parameters.choices)
        gold = _undressed(reference.answer).casefold()
        if gold not in labels:
            raise ItemInvalid(ErrorCode.UNUSABLE_REFERENCE, "reference.answer: is none of the 'choices'")
        texts = _option_texts(reference, labels)
        found = find_answers(sample.completion, parameters.extract)
        chosen = set[str]().union(*(_chosen(answer, labels, texts) for answer in found))
        if len(chosen) != 1:
            verdict = Verdict.AMBIGUOUS if chosen else Verdict.NO_ANSWER
            return Score(0.0, verdict, {"extracted": shown(found[-1]) if found else None})
        option = chosen.pop()
        return judged(option == gold, parameters.choices[labels.index(option)], [reference.answer])


def _option_texts(reference: ChoiceReference, labels: Sequence[str]) -> dict[str, str]:
    """The label of each option's text."""
    if reference.options is None:
        return {}
    if len(reference.options) > len(labels):
        raise ItemInvalid(ErrorCode.UNUSABLE_REFERENCE, "reference.options: more options than 'choices'")
    return {normalize(text, "text"): label for label, text in zip(labels, reference.options, strict=False)}


def _undressed(text: str) -> str:
    """Without LaTeX, markdown and outer punctuation around it."""
    return _DRESS.sub("", text).strip(" \t\n.,;:!\"'")


def _chosen(answer: str, labels: tuple[str, ...], texts: dict[str, str]) -> set[str]:
    """The labels of the options that an answer names."""
    if len(answer) > 2_000:
        return set()
    bare = _undressed(answer).casefold()
    by_text = texts.get(normalize(bare, "text"))
    if by_text is not None:
        return {by_text}
    first, second = _label_patterns(labels)
    match = first.fullmatch(bare)
    if match is None:
        return set()
    label, rest = match.group("label"), match.group("rest") or ""
    also = second.match(rest)
    meant = texts.get(normalize(_undressed(rest), "text"), label)
    return {label, meant} if also is None else {label, also.group("bare") or also.group("joined")}


@lru_cache(maxsize=256)
def _label_patterns(labels: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A label alone or set off from what follows (``b``, ``(b)``, ``b) paris``), and a further label."""
    label = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
    first = re.compile(
        rf"(?:(?:the )?(?:correct )?(?:option|choice|answer)(?: is)?:? )?[(\[]?(?P<label>{label})"
        rf"(?:[)\]]|(?=[.,:;/&\n]|$| (?:and|or|&|/)\s))(?:[.:]?\s*(?P<rest>.*))?",
        re.DOTALL,
    )
    second = re.compile(
        rf"(?:(?:and|or|&|/|,)\s*)+[(\[]?(?P<joined>{label})[)\]]?\s*(?:$|[,.;/&]|(?:and|or)\b)"
        rf"|[(\[]?(?P<bare>{label})[)\]]?\s*$"
    )
    return first, second
