"""Tokens of one value: the expression, and the unit or currency about it; both values of a ``±``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from verifier.rewards.math import units
from verifier.rewards.math.layout import depths, top
from verifier.rewards.math.parse import is_prose, parse
from verifier.rewards.math.syntax import Call, Node, Num, Unparsable, mul, neg, walk
from verifier.rewards.math.tokens import Token
from verifier.rewards.math.units import Unit

_PLAIN_COMMANDS = frozenset({"frac", "sqrt", "theta", "alpha", "beta"})


def value_and_unit(tokens: list[Token]) -> tuple[Node, Unit | str | None]:
    """The expression and what stands after (or, of money, before) it."""
    unit: Unit | str | None
    tokens, unit = _without_currency(tokens)
    unit_at = _unit_start(tokens)
    if unit_at is not None:
        unit = units.read(_unit_text(tokens[unit_at:]))
        if unit is None:
            raise Unparsable
        tokens = tokens[:unit_at]
        if isinstance(unit, Unit) and unit.count != 1:
            value = mul(parse(tokens), Num(unit.count))
            return value, None if unit.is_number else replace(unit, count=Fraction(1))
    elif unit is None and _ends_in_scale(tokens):
        unit = units.PERCENT if tokens[-1].value == "%" else units.DEGREE
        tokens = tokens[:-1]
    return parse(tokens), unit


def _ends_in_scale(tokens: Sequence[Token]) -> bool:
    """Whether a last ``%`` or ``°`` belongs to the whole value: one product, without functions."""
    if len(tokens) < 2 or tokens[-1].kind != "sym" or tokens[-1].value not in "%°":
        return False
    is_plain = all(
        token.kind in ("num", "sym") or token.value in _PLAIN_COMMANDS or len(token.value) == 1
        for token in tokens
    )
    return is_plain and not top(tokens[1:], "+-±∓^")


def _without_currency(tokens: list[Token]) -> tuple[list[Token], Unit | None]:
    marks = [token for token in tokens if token.kind == "sym" and token.value in units.CURRENCY]
    if not marks:
        return tokens, None
    return [token for token in tokens if token not in marks], units.find(marks[0].value)


def _unit_start(tokens: Sequence[Token]) -> int | None:
    """Where a unit begins: at text, or at letters after a number that name one."""
    open_brackets = depths(tokens)
    for position, token in enumerate(tokens):
        if open_brackets[position] or position == 0:
            continue
        previous = tokens[position - 1]
        if token.kind == "text":
            return position
        if token.kind == "sym" and token.value == "°" and position + 1 < len(tokens):
            following = tokens[position + 1]
            if following.kind in ("text", "word") and following.value.strip() in ("C", "F"):
                return position
        if token.kind == "word" and _is_unit_word(token, previous, tokens[position:]):
            return position
    return None


def _is_unit_word(token: Token, previous: Token, rest: Sequence[Token]) -> bool:
    if previous.kind not in ("num", "sym") or (previous.kind == "sym" and previous.value not in ")}"):
        return False
    if len(token.value) == 1:
        return token.spaced and previous.kind == "num" and isinstance(units.read(_unit_text(rest)), Unit)
    return units.find(token.value) is not None or (token.spaced and is_prose(token.value))


def _unit_text(tokens: Sequence[Token]) -> str:
    return "".join((" " if token.spaced else "") + token.value for token in tokens)


def has_sign_choice(node: Node) -> bool:
    """Whether a ``±`` occurs."""
    return any(isinstance(part, Call) and part.name in ("pm", "mp") for part in walk(node))


def branches(node: Node) -> tuple[Node, Node]:
    """The two values of an expression with ``±``; all signs of it go together."""
    return _branch(node, upper=True), _branch(node, upper=False)


def _branch(node: Node, upper: bool) -> Node:
    if not isinstance(node, Call):
        return node
    args = tuple(_branch(argument, upper) for argument in node.args)
    if node.name in ("pm", "mp"):
        return Call("add", args if (node.name == "pm") == upper else (args[0], neg(args[1])))
    return Call(node.name, args)
