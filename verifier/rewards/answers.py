"""What the rewards for short answers share: the reference, and the judging of what was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.base import ReferenceModel, Sample, Score, read_reference
from verifier.rewards.extraction import Extract, find_answers
from verifier.schema import JsonObject, Verdict

MAX_SHOWN_CHARACTERS = 200


class AnswerReference(ReferenceModel):
    """``{"answer": "…"}``, or several of which any is right."""

    answer: str | list[str]


def gold_answers(sample: Sample) -> list[str]:
    """The right answers of the reference.

    Raises:
        ItemInvalid: there is none, or one of them is blank.
    """
    answer = read_reference(sample, AnswerReference).answer
    golds = [answer] if isinstance(answer, str) else answer
    if not golds or not all(gold.strip() for gold in golds):
        raise ItemInvalid(ErrorCode.UNUSABLE_REFERENCE, "reference.answer: must not be empty")
    return golds


def single_answer(
    sample: Sample, extract: Extract, canonical: Callable[[str], str]
) -> tuple[str | None, Score]:
    """The one answer of a completion, as it stands there; or None and the score of not having one.

    Several answers that ``canonical`` makes equal are one.
    """
    found = find_answers(sample.completion, extract)
    if not found:
        return None, Score(0.0, Verdict.NO_ANSWER, {"extracted": None})
    if len(found) > 1 and len({canonical(answer) for answer in found}) > 1:
        return None, Score(0.0, Verdict.AMBIGUOUS, {"extracted": [shown(answer) for answer in found[-4:]]})
    return found[-1], Score(0.0, Verdict.INCORRECT)


def judged(right: bool, extracted: str, golds: Sequence[str], **more: object) -> Score:
    """1 or 0, with what was compared."""
    detail: JsonObject = {"extracted": shown(extracted), "reference": [shown(gold) for gold in golds], **more}
    return Score(1.0 if right else 0.0, Verdict.CORRECT if right else Verdict.INCORRECT, detail)


def shown(text: str) -> str:
    """A text as a detail shows it: its beginning."""
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[:MAX_SHOWN_CHARACTERS] + "…"
