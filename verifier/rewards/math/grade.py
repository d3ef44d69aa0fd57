"""One answer through the stages: extract, read, and compare with each reference that would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from verifier.rewards.math import symbolic
from verifier.rewards.math.answers import Answer, Opaque, Relation, Scalar
from verifier.rewards.math.compare import Ambiguous, Comparison
from verifier.rewards.math.exact import Undefined, rational
from verifier.rewards.math.extract import Extraction, extract, extract_reference
from verifier.rewards.math.parameters import MathParameters
from verifier.rewards.math.read import Reading, read
from verifier.rewards.math.syntax import TooLarge, Unparsable, symbols
from verifier.rewards.math.values import STAGES
from verifier.schema import JsonObject, Verdict

_MAX_SHOWN = 1_000
_KNOWN_REFERENCES = 1_024


class Unreadable(Exception):
    """A reference that cannot be read."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was decided of one completion."""

    verdict: Verdict
    detail: JsonObject


def prepare_references(answers: Sequence[str], mode: str) -> tuple[Reading, ...]:
    """The references, read once: a group's completions share them.

    Raises:
        Unreadable: one of them is empty, too large, without a value, or mathematics that no stage can read.
    """
    return tuple(_prepare(extract_reference(answer, mode)) for answer in answers)


@lru_cache(maxsize=_KNOWN_REFERENCES)
def _prepare(answer: str) -> Reading:
    try:
        reference = read(answer)
        _check_value(reference.answer)
    except (TooLarge, RecursionError):
        raise Unreadable("it is larger than an answer may be (length, nesting, digits, powers)") from None
    except Undefined:
        raise Unreadable("it has no value (a division by zero)") from None
    except Unparsable:
        raise Unreadable("it holds no answer, or its braces do not match") from None
    if isinstance(reference.answer, Opaque) and symbolic.equal(reference.text, reference.text) is not True:
        raise Unreadable("it is neither text nor mathematics that can be read")
    return reference


def _check_value(answer: Answer) -> None:
    """Work out a rational value, for the errors that it may raise."""
    if isinstance(answer, Scalar) and not symbols(answer.value):
        rational(answer.value)


def grade(completion: str, references: Sequence[Reading], parameters: MathParameters) -> Judgement:
    """Judge one completion against references of which any will do."""
    modes = [parameters.extract] if isinstance(parameters.extract, str) else parameters.extract
    found = extract(completion, modes)
    detail: JsonObject = {"extracted": None, "reference": _shown(references[0].text), "method": "extract"}
    if found is None:
        return Judgement(Verdict.NO_ANSWER, detail | {"reason": "no_answer"})
    detail |= {"extracted": _shown(found.candidates[-1]), "source": found.source}
    detail["reference_kind"] = kind(references[0].answer)
    try:
        answer = _the_answer(found, parameters)
    except Ambiguous:
        return Judgement(Verdict.AMBIGUOUS, detail | {"reason": "ambiguous"})
    except (TooLarge, RecursionError):
        return Judgement(Verdict.INCORRECT, detail | {"method": "exact", "reason": "too_large"})
    except Unparsable:
        return Judgement(Verdict.INCORRECT, detail | {"method": "exact", "reason": "unreadable"})
    return _compared(answer, references, parameters, detail | {"kind": kind(answer.answer)})


def _compared(
    answer: Reading, references: Sequence[Reading], parameters: MathParameters, detail: JsonObject
) -> Judgement:
    stage, reason, hedged = "exact", None, False
    for reference in references:
        comparison = Comparison(reference, answer, parameters)
        try:
            equal = comparison.holds()
        except Ambiguous:
            hedged, equal = True, False
        stage = max(stage, comparison.stage, key=STAGES.index)
        reason = reason or comparison.reason
        if equal:
            found = {
                "reference": _shown(reference.text),
                "reference_kind": kind(reference.answer),
                "method": stage,
            }
            return Judgement(Verdict.CORRECT, detail | found)
    detail["method"] = stage
    if hedged:
        return Judgement(Verdict.AMBIGUOUS, detail | {"reason": "ambiguous"})
    return Judgement(Verdict.INCORRECT, detail | ({"reason": reason} if reason else {}))


def _the_answer(found: Extraction, parameters: MathParameters) -> Reading:
    """The one final answer; several are one when they are equal.

    Raises:
        Ambiguous: they differ.
    """
    last = read(found.candidates[-1])
    if not parameters.require_single_answer:
        return last
    if found.crowded:
        raise Ambiguous
    for candidate in found.candidates[:-1]:
        if not Comparison(last, read(candidate), parameters).holds():
            raise Ambiguous
    return last


def kind(answer: Answer) -> str:
    """The name of an answer's kind, for ``detail``."""
    if isinstance(answer, Scalar):
        if answer.unit is not None:
            return "unit"
        return "expression" if symbols(answer.value) else "number"
    if isinstance(answer, Relation):
        return "inequality" if set(answer.signs) - {"="} else "equation"
    form = getattr(answer, "form", None)
    if form in ("set", "tuple"):
        return str(form)
    return "inequality" if form in ("any", "all", "all_but") else answer.kind


def _shown(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"


def warm() -> None:
    """Build the parser's tables before the first item is timed."""
    symbolic.equal(r"\frac{1}{2}+x", r"x+0.5")
    symbolic.equal(r"\int x dx", r"\frac{x^2}{2}")
