"""One answer through the stages: extract, then compare with each reference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from verifier.rewards.math import symbolic
from verifier.rewards.math.extract import Extraction, extract, extract_reference, is_placeholder
from verifier.rewards.math.parameters import MathParameters
from verifier.schema import JsonObject, Verdict


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


def prepare_references(answers: tuple[str, ...], mode: str) -> tuple[str, ...]:
    """The references as they are compared.

    Raises:
        Unreadable: one of them is empty or a placeholder.
    """
    return tuple(_prepare(extract_reference(answer, mode)) for answer in answers)


@lru_cache(maxsize=1024)
def _prepare(answer: str) -> str:
    if is_placeholder(answer):
        raise Unreadable("it holds no answer")
    return answer


def grade(completion: str, references: tuple[str, ...], parameters: MathParameters) -> Judgement:
    """Judge one completion."""
    modes = [parameters.extract] if isinstance(parameters.extract, str) else parameters.extract
    found = extract(completion, modes)
    detail: JsonObject = {"extracted": None, "reference": references[0], "method": "extract"}
    if found is None:
        return Judgement(Verdict.NO_ANSWER, detail | {"reason": "no_answer"})
    detail |= {"extracted": found.candidates[-1], "source": found.source}
    if parameters.require_single_answer and _hedges(found):
        return Judgement(Verdict.AMBIGUOUS, detail | {"reason": "ambiguous"})
    for reference in references:
        if "".join(reference.split()) == "".join(found.candidates[-1].split()):
            return Judgement(Verdict.CORRECT, detail | {"reference": reference, "method": "exact"})
    for reference in references:
        if symbolic.equal(reference, found.candidates[-1]):
            return Judgement(Verdict.CORRECT, detail | {"reference": reference, "method": "symbolic"})
    return Judgement(Verdict.INCORRECT, detail | {"method": "symbolic"})


def _hedges(found: Extraction) -> bool:
    return len(found.candidates) > 1


def warm() -> None:
    """Build the parser's tables before the first item is timed."""
    symbolic.equal(r"\frac{1}{2}", "0.5")
