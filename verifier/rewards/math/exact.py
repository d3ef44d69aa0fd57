"""Stage 2, ``exact``: rational arithmetic without a library; four fifths of all answers need no more."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import comb, factorial, gcd, lcm

from verifier.rewards.math.syntax import Call, Const, Node, Num, TooLarge

MAX_BITS = 20_000
_MAX_FACTORIAL = 1_000
_MAX_BINOMIAL = 5_000


class Undefined(Exception):
    """The expression has no value: a division by zero, the logarithm of zero."""


def rational(node: Node) -> Fraction | None:
    """The value of an expression of rational numbers; None where it is not one, or not by arithmetic alone.

    Raises:
        TooLarge: a value along the way has more than ``MAX_BITS`` bits, or a factorial is out of bounds.
        Undefined: division by zero.
    """
    if isinstance(node, Num):
        return node.value
    if isinstance(node, Const):
        return Fraction(1, 100) if node.name == "percent" else None
    if not isinstance(node, Call) or node.name not in _RULES:
        return None
    values = []
    for argument in node.args:
        value = rational(argument)
        if value is None:
            return None
        values.append(value)
    result = _RULES[node.name](*values)
    if result is not None and result.numerator.bit_length() + result.denominator.bit_length() > MAX_BITS:
        raise TooLarge
    return result


def _divide(above: Fraction, below: Fraction) -> Fraction:
    if below == 0:
        raise Undefined
    return above / below


def _power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator != 1:
        return None if base < 0 else _rational_root(base, exponent)
    if base == 0 and exponent < 0:
        raise Undefined
    if base in (0, 1, -1):
        return base ** (int(exponent) % 2 if base == -1 else min(int(abs(exponent)), 1))
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) * bits > 2 * MAX_BITS:
        raise TooLarge
    return base ** int(exponent)


def _rational_root(base: Fraction, exponent: Fraction) -> Fraction | None:
    """``4^{3/2}``, where the root is rational."""
    degree = exponent.denominator
    if degree > 64 or base.numerator.bit_length() + base.denominator.bit_length() > 1_000:
        return None
    above, below = _integer_root(base.numerator, degree), _integer_root(base.denominator, degree)
    if above is None or below is None:
        return None
    return _power(Fraction(above, below), Fraction(exponent.numerator))


def _integer_root(value: int, degree: int) -> int | None:
    low, high = 0, 1 << (value.bit_length() // degree + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**degree <= value else (low, middle - 1)
    return low if low**degree == value else None


def _root(base: Fraction, degree: Fraction) -> Fraction | None:
    if degree.denominator != 1 or degree < 1:
        return None
    if base < 0:
        if degree % 2 == 0:
            return None
        value = _rational_root(-base, 1 / degree)
        return None if value is None else -value
    return _rational_root(base, 1 / degree) if degree > 1 else base


def _whole(value: Fraction, largest: int) -> int | None:
    if value.denominator != 1 or value < 0:
        return None
    if value > largest:
        raise TooLarge
    return int(value)


def _factorial(value: Fraction) -> Fraction | None:
    number = _whole(value, _MAX_FACTORIAL)
    return None if number is None else Fraction(factorial(number))


def _factorial2(value: Fraction) -> Fraction | None:
    number = _whole(value, _MAX_FACTORIAL)
    if number is None:
        return None
    product = 1
    for factor in range(number, 0, -2):
        product *= factor
    return Fraction(product)


def _binomial(above: Fraction, below: Fraction) -> Fraction | None:
    if above.denominator != 1 or below.denominator != 1 or above < 0 or below < 0:
        return None
    if above > _MAX_BINOMIAL and min(below, above - below) > 100:
        raise TooLarge
    return Fraction(comb(int(above), int(below)))


def _integers(combine: Callable[..., int]) -> Callable[..., Fraction | None]:
    def rule(*values: Fraction) -> Fraction | None:
        if any(value.denominator != 1 for value in values):
            return None
        return Fraction(combine(*map(int, values)))

    return rule


def _product(*factors: Fraction) -> Fraction:
    value = Fraction(1)
    for factor in factors:
        value *= factor
        if value.numerator.bit_length() > MAX_BITS:
            raise TooLarge
    return value


_RULES: dict[str, Callable[..., Fraction | None]] = {
    "add": lambda *terms: sum(terms, Fraction(0)),
    "mul": _product,
    "neg": lambda value: -value,
    "div": _divide,
    "pow": _power,
    "sqrt": lambda value: _root(value, Fraction(2)),
    "cbrt": lambda value: _root(value, Fraction(3)),
    "root": _root,
    "abs": abs,
    "floor": lambda value: Fraction(value.numerator // value.denominator),
    "ceil": lambda value: Fraction(-(-value.numerator // value.denominator)),
    "factorial": _factorial,
    "factorial2": _factorial2,
    "binom": _binomial,
    "gcd": _integers(gcd),
    "lcm": _integers(lcm),
    "max": lambda *values: max(values),
    "min": lambda *values: min(values),
    "sgn": lambda value: Fraction((value > 0) - (value < 0)),
}
