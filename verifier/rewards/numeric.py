"""``numeric``: is the answer's number the reference's? 1 or 0.

For answers that are numbers and nothing else; ``math`` judges expressions. The answer must hold exactly one
number: ``10-5`` is two, and reading it as −5 is a known way to be wrong, as is dropping the sign of ``-5``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.answers import judged, shown
from verifier.rewards.base import ItemReward, ReferenceModel, RewardParameters, Sample, Score, read_reference
from verifier.rewards.extraction import Extract, after_reasoning, find_answers
from verifier.schema import Verdict

MAX_DIGITS = 200
MAX_CHARACTERS = 10_000
"""Of longer texts the end is read."""
_MAX_EXPONENT = 400
_NUMBER = re.compile(
    r"(?<![\w.])(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+|(?<=\d)/\d+(?![\d.]))?"
)
_MINUS = "-−–"


class NumericReference(ReferenceModel):
    """``{"answer": "3.5"}``: a number, its text, or several of which any is right."""

    answer: str | int | float | list[str | int | float]


class NumericParameters(RewardParameters):
    """Where the number stands, and how near is equal."""

    type: Literal["numeric"]
    extract: Extract | Literal["last_number"] = "auto"
    """``last_number``: the last number anywhere after the reasoning."""
    absolute: Annotated[float, Field(ge=0)] = 0.0
    """Numbers this near are equal."""
    relative: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Numbers are equal within this share of the reference."""


class NumericReward(ItemReward[NumericParameters]):
    """1 when the one number of the answer equals one of ``reference.answer``, exactly unless told, else 0."""

    type_name = "numeric"
    Parameters = NumericParameters

    def score(self, sample: Sample, parameters: NumericParameters) -> Score:
        """Read the number and compare it."""
        golds = _golds(sample)
        if parameters.extract == "last_number":
            texts = [after_reasoning(sample.completion)[-MAX_CHARACTERS:]]
        else:
            texts = find_answers(sample.completion, parameters.extract)
        found = [read_numbers(text[-MAX_CHARACTERS:]) for text in texts]
        if parameters.extract == "last_number":
            found = [numbers[-1:] for numbers in found]
        distinct = {number for numbers in found for number in numbers}
        if len(distinct) != 1:
            verdict = Verdict.AMBIGUOUS if distinct else Verdict.NO_ANSWER
            return Score(0.0, verdict, {"extracted": shown(texts[-1]) if texts else None})
        number = distinct.pop()
        right = any(_near(number, gold, parameters) for gold in golds)
        return judged(right, _written(number), [_written(gold) for gold in golds])


def read_numbers(text: str) -> list[Fraction]:
    """All numbers of a text, signs included: integers, decimals, ``1,234``, ``1.5e3``, ``3/4``, ``12%``.

    A minus after a digit or bracket subtracts; it is no sign. Letters after a number are taken for its unit.
    """
    numbers: list[Fraction] = []
    for match in _NUMBER.finditer(text):
        if _part_of_more(text, match.start(), match.end()):
            continue
        value = _value(match.group())
        if value is None:
            continue
        if text[match.end() : match.end() + 1] == "%" or text[match.end() : match.end() + 2] == "\\%":
            value /= 100
        numbers.append(-value if _negative(text, match.start()) else value)
    return numbers


def _part_of_more(text: str, start: int, end: int) -> bool:
    """Whether the digits are part of what is no number: a version ``1.2.3``, a name ``x-5``, ``1/2/3``."""
    after = text[end : end + 2]
    if len(after) == 2 and after[0] in "./" and after[1].isdigit():
        return True
    before = text[max(0, start - 2) : start]
    return before.endswith("/") or (len(before) == 2 and before[1] in _MINUS and before[0].isalpha())


def _negative(text: str, start: int) -> bool:
    """Whether a minus before the number is its sign; ``$`` may stand between."""
    position = start - 1
    if position >= 0 and text[position] == "$":
        position -= 1
    if position < 0 or text[position] not in _MINUS:
        return False
    if position == 0:
        return True
    before = text[position - 1]
    if before.isspace():
        before = text[max(0, position - 16) : position].rstrip()[-1:]
        return not (before.isdigit() or before == ")")
    return not (before.isdigit() or before in ")]}%")


def _value(written: str) -> Fraction | None:
    """A number's value; None where it is too long to be an answer, or divides by zero."""
    written = written.replace(",", "")
    if len(written) > MAX_DIGITS:
        return None
    mantissa, _, exponent = written.lower().partition("e")
    if exponent and abs(int(exponent)) > _MAX_EXPONENT:
        return None
    if "/" in mantissa:
        above, _, below = mantissa.partition("/")
        return Fraction(Decimal(above)) / int(below) if int(below) else None
    return Fraction(Decimal(written))


def _golds(sample: Sample) -> list[Fraction]:
    answer = read_reference(sample, NumericReference).answer
    golds: list[Fraction] = []
    for gold in answer if isinstance(answer, list) else [answer]:
        numbers = read_numbers(gold if isinstance(gold, str) else repr(gold))
        if len(numbers) != 1:
            raise ItemInvalid(ErrorCode.UNUSABLE_REFERENCE, "reference.answer: must hold exactly one number")
        golds.append(numbers[0])
    if not golds:
        raise ItemInvalid(ErrorCode.UNUSABLE_REFERENCE, "reference.answer: must not be empty")
    return golds


def _near(number: Fraction, gold: Fraction, parameters: NumericParameters) -> bool:
    margin = max(Fraction(repr(parameters.absolute)), Fraction(repr(parameters.relative)) * abs(gold))
    return abs(number - gold) <= margin


def _written(number: Fraction) -> str:
    """A number for display: exact where that is short."""
    exact = str(number)
    if len(exact) <= 40:
        return exact
    return f"{float(number):.12g}" if abs(number) < 10**300 else "beyond 1e300"
