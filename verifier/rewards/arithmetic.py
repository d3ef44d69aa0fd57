"""Exact arithmetic on short expressions of integers, ``+ - * /`` and parentheses."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

MAX_CHARACTERS = 1_000

_TOKEN = re.compile(r"\s*(?:(\d{1,30})|([-+*/()]))\s*")
_SAME = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "[": "(", "]": ")"})
_LATEX = (("\\times", "*"), ("\\cdot", "*"), ("\\div", "/"), ("\\left", ""), ("\\right", ""))
_NEGATION = "negation"
"""A minus before a value; binds more strongly than all else."""
_OPERATIONS: dict[str, tuple[int, Callable[[Fraction, Fraction], Fraction]]] = {
    "+": (1, operator.add),
    "-": (1, operator.sub),
    "*": (2, operator.mul),
    "/": (2, operator.truediv),
}


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression as its tokens."""

    tokens: tuple[int | str, ...]

    @property
    def numbers(self) -> list[int]:
        """The numbers it is made of, in order."""
        return [token for token in self.tokens if isinstance(token, int)]

    def value(self) -> Fraction | None:
        """What it comes to; None where it is malformed or divides by zero."""
        values: list[Fraction] = []
        operations: list[str] = []
        expects_value = True
        try:
            for token in self.tokens:
                if isinstance(token, int) and expects_value:
                    values.append(Fraction(token))
                    expects_value = False
                elif token == "(" and expects_value:
                    operations.append("(")
                elif token == "-" and expects_value:
                    operations.append(_NEGATION)
                elif token == ")" and not expects_value:
                    _reduce(values, operations, 0)
                    if operations.pop() != "(":
                        return None
                elif isinstance(token, str) and token in _OPERATIONS and not expects_value:
                    _reduce(values, operations, _OPERATIONS[token][0])
                    operations.append(token)
                    expects_value = True
                else:
                    return None
            _reduce(values, operations, 0)
        except (IndexError, ZeroDivisionError):
            return None
        return values[0] if len(values) == 1 and not operations and not expects_value else None


def _reduce(values: list[Fraction], operations: list[str], precedence: int) -> None:
    """Carry out what is pending and binds at least as strongly."""
    while operations and operations[-1] != "(":
        operation = operations[-1]
        if operation != _NEGATION and _OPERATIONS[operation][0] < precedence:
            return
        operations.pop()
        right = values.pop()
        values.append(-right if operation == _NEGATION else _OPERATIONS[operation][1](values.pop(), right))


def read_expression(text: str) -> Expression | None:
    """The expression that the whole text is; None where it is anything else."""
    if len(text) > MAX_CHARACTERS:
        return None
    text = text.translate(_SAME).strip().strip("$")
    for written, meant in _LATEX:
        text = text.replace(written, meant)
    tokens: list[int | str] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return None
        tokens.append(int(match.group(1)) if match.group(1) else match.group(2))
        position = match.end()
    return Expression(tuple(tokens)) if tokens else None
