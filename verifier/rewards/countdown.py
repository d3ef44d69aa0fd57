"""``countdown``: does the expression reach the target from the numbers given? 1 or 0.

The game of TinyZero and Mini-R1: ``reference: {"target": 24, "numbers": [1, 2, 3, 4]}``, and the answer an
expression of ``+ - * /`` and parentheses that uses each number exactly once. Evaluated exactly, in linear
time, by a parser that knows nothing else: no ``**``, no ``//``, no decimals, no digits joined to new numbers.
A right-hand side (``… = 24``) may follow if it is true.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from pydantic import Field

from verifier.rewards.answers import shown, single_answer
from verifier.rewards.arithmetic import read_expression
from verifier.rewards.base import ItemReward, ReferenceModel, RewardParameters, Sample, Score, read_reference
from verifier.rewards.extraction import Extract
from verifier.schema import JsonObject, Verdict

Number = Annotated[int, Field(ge=0, le=10**12)]


class CountdownReference(ReferenceModel):
    """The target and the numbers."""

    target: Annotated[int, Field(ge=-(10**15), le=10**15)]
    numbers: Annotated[list[Number], Field(min_length=1, max_length=64)]


class CountdownParameters(RewardParameters):
    """Where the expression stands."""

    type: Literal["countdown"]
    extract: Extract = "auto"
    use: Literal["all", "any"] = "all"
    """Whether every number must be used, or some may be left over."""


class CountdownReward(ItemReward[CountdownParameters]):
    """1 when the expression uses the numbers and comes to the target, else 0."""

    type_name = "countdown"
    Parameters = CountdownParameters

    def score(self, sample: Sample, parameters: CountdownParameters) -> Score:
        """Read the expression, count its numbers, work it out."""
        reference = read_reference(sample, CountdownReference)
        answer, without = single_answer(sample, parameters.extract, lambda text: "".join(text.split()))
        if answer is None:
            return without
        detail: JsonObject = {"extracted": shown(answer), "target": reference.target}
        problem = _problem(answer, reference, parameters.use, detail)
        if problem is None:
            return Score(1.0, Verdict.CORRECT, detail)
        return Score(0.0, Verdict.INCORRECT, {**detail, "reason": problem})


def _problem(answer: str, reference: CountdownReference, use: str, detail: JsonObject) -> str | None:
    """What is wrong with the answer, or None."""
    left, equals, right = answer.partition("=")
    expression = read_expression(left)
    if expression is None:
        return "not_an_expression"
    used, given = Counter(expression.numbers), Counter(reference.numbers)
    if used != given if use == "all" else not used <= given:
        return "wrong_numbers"
    value = expression.value()
    if value is None:
        return "not_an_expression"
    detail["value"] = str(value)
    if value != reference.target:
        return "wrong_value"
    said = read_expression(right) if equals else None
    if equals and (said is None or said.value() != value):
        return "untrue_equation"
    return None
