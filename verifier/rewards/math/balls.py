"""Stage 3, ``balls``: arithmetic on numbers known to lie within an error (python-flint's Arb).

Balls that do not meet prove two values unequal. Constants that still meet at ``_FINEST`` bits, in balls too
small for chance, are equal. Expressions with variables are compared so at several points: one where they part
proves them unequal; agreement at all of them, to hundreds of digits, is an identity (for polynomials by the
Schwartz-Zippel lemma; what else an answer may hold is analytic between few cuts, and the points lie on both
sides of zero). Points where either side is not real are passed over, unless the expressions speak of ``i``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

import flint
from flint import acb, arb, fmpq

from verifier.rewards.math.exact import Undefined
from verifier.rewards.math.syntax import Const, Node, Num, Sym, TooLarge, has, symbols, walk

_COARSE, _FINE, _FINEST = 128, 512, 4_096
_ENOUGH_POINTS = 4
_MAX_NODES = 1_500
_MAX_SYMBOLS = 12
_SLACK_BITS = 64
_WHOLE_NUMBERS_ONLY = ("factorial", "factorial2", "binom", "floor", "ceil", "gcd", "lcm")

Values = dict[str, acb]


class Unknown(Exception):
    """A function of this stage does not cover the case."""


def equal(left: Node, right: Node) -> bool | None:
    """Whether two expressions have the same value wherever both are defined; None where that stays open.

    Raises:
        Undefined: one of them has no value (anywhere that was tried).
        TooLarge: more work than an answer is worth.
    """
    if sum(1 for node in (left, right) for _ in walk(node)) > _MAX_NODES:
        raise TooLarge
    names = sorted(symbols(left) | symbols(right))
    if len(names) > _MAX_SYMBOLS:
        raise TooLarge
    try:
        return _equal_at_points(left, right, names) if names else _equal_constants(left, right)
    except Unknown:
        return None
    finally:
        flint.ctx.prec = 53


def _equal_constants(left: Node, right: Node) -> bool | None:
    for bits in (_COARSE, _FINE, _FINEST):
        difference = _difference(left, right, {}, bits)
        if difference is not None and not _holds_zero(difference):
            return False
    return True if difference is not None and _is_tiny(difference, _FINEST - _FINE) else None


def _equal_at_points(left: Node, right: Node, names: list[str]) -> bool | None:
    is_complex = has(left, "i") or has(right, "i")
    whole = has(left, *_WHOLE_NUMBERS_ONLY) or has(right, *_WHOLE_NUMBERS_ONLY)
    agreed, defined = 0, False
    for point in _points(names, whole):
        sides = _sides(left, right, point, _FINE)
        if sides is None:
            continue
        defined = True
        if not is_complex and not (_is_real(sides[0]) and _is_real(sides[1])):
            continue
        difference = sides[0] - sides[1]
        if not _holds_zero(difference):
            return False
        if _is_tiny(difference, _COARSE):
            agreed += 1
        if agreed >= _ENOUGH_POINTS + len(names):
            return True
    if not defined:
        raise Undefined
    return None


def ratio_is_constant(left: Node, right: Node) -> Fraction | None:
    """The sign (1 or -1) of ``left / right`` where that is the same number everywhere; None where it is not.

    Two equations ``left = 0`` and ``right = 0`` are then multiples of each other.
    """
    names = sorted(symbols(left) | symbols(right))
    if not names or len(names) > _MAX_SYMBOLS or sum(1 for n in (left, right) for _ in walk(n)) > _MAX_NODES:
        return None
    first: acb | None = None
    agreed = 0
    try:
        for point in _points(names, whole=False):
            sides = _sides(left, right, point, _FINE)
            if sides is None or _holds_zero(sides[1]) or not (_is_real(sides[0]) and _is_real(sides[1])):
                continue
            ratio = sides[0] / sides[1]
            if first is None:
                first = ratio
            if _holds_zero(ratio) or not _holds_zero(ratio - first):
                return None
            agreed += 1
            if agreed >= _ENOUGH_POINTS + len(names):
                return Fraction(1 if first.real > 0 else -1)
    except (Unknown, Undefined):
        return None
    finally:
        flint.ctx.prec = 53
    return None


def approximate(node: Node, bits: int = _COARSE) -> acb | None:
    """A small ball around the value of a constant expression; None where it has none or stays open.

    Raises:
        TooLarge: more work than an answer is worth.
    """
    if sum(1 for _ in walk(node)) > _MAX_NODES or symbols(node):
        return None
    flint.ctx.prec = bits
    try:
        value = _value(node, {})
    except (Unknown, Undefined):
        return None
    finally:
        flint.ctx.prec = 53
    return value if value.is_finite() else None


def less(left: Node, right: Node) -> bool | None:
    """Whether one real constant is surely below another; None where that stays open."""
    low, high = approximate(left, _FINE), approximate(right, _FINE)
    if low is None or high is None or not (_is_real(low) and _is_real(high)):
        return None
    if low.real < high.real:
        return True
    return False if low.real > high.real else None


def close(left: Node, right: Node, error: Fraction, relative: bool) -> bool | None:
    """Whether two constants differ by no more than the error; None where either has no finite value."""
    first, second = approximate(left), approximate(right)
    if first is None or second is None:
        return None
    allowed = arb(fmpq(error.numerator, error.denominator))
    if relative:
        allowed = allowed * abs(first)
    return bool(abs(first - second) <= allowed * (1 + arb(2) ** -_SLACK_BITS))


def _difference(left: Node, right: Node, point: Values, bits: int) -> acb | None:
    sides = _sides(left, right, point, bits)
    return None if sides is None else sides[0] - sides[1]


def _sides(left: Node, right: Node, point: Values, bits: int) -> tuple[acb, acb] | None:
    """Both values at a point; None where one of them is not finite.

    Raises:
        Undefined: of constants, where one has no value at all.
    """
    flint.ctx.prec = bits
    try:
        first, second = _value(left, point), _value(right, point)
    except Undefined:
        if not point:
            raise
        return None
    return (first, second) if first.is_finite() and second.is_finite() else None


def _holds_zero(value: acb) -> bool:
    return bool(value.contains(acb(0)))


def _is_real(value: acb) -> bool:
    return bool(value.imag.contains(arb(0))) and bool(value.imag.rad() < arb(2) ** -_SLACK_BITS)


def _is_tiny(value: acb, bits: int) -> bool:
    """Whether a ball around zero is too small for two different values to share."""
    return bool(abs(value).abs_upper() < arb(2) ** -bits)


def _points(names: list[str], whole: bool) -> Iterable[Values]:
    """Points to try: rationals that no one would choose, on both sides of zero; or small whole numbers."""
    if whole:
        for shift in range(6):
            yield {name: acb(5 + (7 * shift + 11 * number) % 13) for number, name in enumerate(names)}
        return
    for trial, (scale, signs) in enumerate(_TRIALS):
        point = {}
        for number, name in enumerate(names):
            above = (7919 * (trial + 3) * (number + 5) + 104729 * (number + 1)) % 9973 + 1
            sign = -1 if signs >> (number % 3) & 1 else 1
            point[name] = acb(arb(fmpq(sign * above * scale.numerator, 9973 * scale.denominator)))
        yield point


_TRIALS = [
    (Fraction(scale), signs)
    for scale, signs in [
        ("1", 0), ("1", 7), ("3", 0), ("3", 2), ("1/2", 5), ("7", 0), ("7", 7), ("20", 1), ("1/5", 0),
        ("1/5", 6), ("50", 0), ("1", 3), ("1000", 0), ("3", 4), ("1/50", 0), ("2", 0), ("5", 0), ("1/3", 0),
        ("10", 0), ("4", 0), ("6", 0), ("1/4", 0), ("15", 0), ("100", 0),
    ]
]  # fmt: skip
"""The size of a point, and a bit for each third variable that is negative there."""


# Evaluation


def _value(node: Node, point: Values) -> acb:
    if isinstance(node, Num):
        return acb(arb(fmpq(node.value.numerator, node.value.denominator)))
    if isinstance(node, Sym):
        return point[node.name]
    if isinstance(node, Const):
        return _constant(node.name)
    values = [_value(argument, point) for argument in node.args]
    try:
        return _FUNCTIONS[node.name](*values)
    except KeyError:
        raise Unknown from None


def _constant(name: str) -> acb:
    if name == "pi":
        return acb(arb.pi())
    if name == "e":
        return acb(arb(1).exp())
    if name == "i":
        return acb(0, 1)
    if name == "deg":
        return acb(arb.pi() / 180)
    if name == "percent":
        return acb(arb(fmpq(1, 100)))
    raise Undefined


def _divide(above: acb, below: acb) -> acb:
    if below == 0:
        raise Undefined
    return above / below


def _sum(*terms: acb) -> acb:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _product(*factors: acb) -> acb:
    total = factors[0]
    for factor in factors[1:]:
        total = total * factor
    return total


def _power(base: acb, exponent: acb) -> acb:
    whole = _whole(exponent)
    if base == 0:
        if exponent.real > 0:
            return acb(0)
        if exponent == 0:
            return acb(1)
        raise Undefined
    if whole is not None and abs(whole) <= 1_000_000:
        return base**whole
    if base.real > 0 and base.imag == 0 and exponent.imag == 0:
        return acb((base.real.log() * exponent.real).exp())
    return base**exponent


def _root(base: acb, degree: acb) -> acb:
    """The real root where there is one: of a negative number too, when the degree is odd."""
    number = _whole(degree)
    if number is None or not 0 < number <= 10_000:
        return _power(base, 1 / degree)
    if base.imag == 0 and base.real < 0 and number % 2:
        return acb(-_positive_root(-base.real, number))
    if base.imag == 0 and base.real >= 0:
        return acb(_positive_root(base.real, number))
    return base ** (acb(1) / number)


def _positive_root(base: arb, degree: int) -> arb:
    return base.root(degree)


def _log(value: acb, base: acb | None = None) -> acb:
    if value == 0 or (base is not None and base in (0, 1)):
        raise Undefined
    return value.log() if base is None else value.log() / base.log()


def _whole(value: acb) -> int | None:
    if not value.is_exact() or value.imag != 0:
        return None
    number = value.real.unique_fmpz()
    return int(number) if number is not None and value.real == arb(number) else None


def _need_whole(value: acb, largest: int) -> int:
    number = _whole(value)
    if number is None or number < 0:
        raise Unknown
    if number > largest:
        raise TooLarge
    return number


def _round(value: acb, up: bool) -> acb:
    if value.imag != 0:
        raise Unknown
    rounded = value.real.ceil() if up else value.real.floor()
    number = rounded.unique_fmpz()
    if number is None:
        raise Unknown
    return acb(arb(number))


def _factorial(value: acb) -> acb:
    return acb(arb.fac_ui(_need_whole(value, 100_000)))


def _factorial2(value: acb) -> acb:
    total = arb(1)
    for factor in range(_need_whole(value, 5_000), 0, -2):
        total *= factor
    return acb(total)


def _binomial(above: acb, below: acb) -> acb:
    return acb(arb.bin_uiui(_need_whole(above, 1_000_000), _need_whole(below, 1_000_000)))


def _gamma(value: acb) -> acb:
    number = _whole(value)
    if number is not None and number <= 0:
        raise Undefined
    if not bool(abs(value) < 100_000):
        raise TooLarge
    return value.gamma()


def _extreme(largest: bool) -> Callable[..., acb]:
    def choose(*values: acb) -> acb:
        if any(value.imag != 0 for value in values):
            raise Unknown
        best = values[0].real
        for value in values[1:]:
            best = best.max(value.real) if largest else best.min(value.real)
        return acb(best)

    return choose


def _sign(value: acb) -> acb:
    if value.imag != 0:
        raise Unknown
    return acb(1) if value.real > 0 else acb(-1) if value.real < 0 else _zero_sign(value)


def _zero_sign(value: acb) -> acb:
    if value == 0:
        return acb(0)
    raise Unknown


def _reciprocal(function: Callable[[acb], acb]) -> Callable[[acb], acb]:
    return lambda value: _divide(acb(1), function(value))


def _of_reciprocal(function: Callable[[acb], acb]) -> Callable[[acb], acb]:
    return lambda value: function(_divide(acb(1), value))


def _tangent(value: acb) -> acb:
    result = value.tan()
    if not result.is_finite() and _holds_zero(value.cos()):
        raise Undefined if not _is_point(value) else Unknown
    return result


def _is_point(value: acb) -> bool:
    """Whether a ball is a point, so that what has no value there has none at all."""
    return bool(value.is_exact())


_FUNCTIONS: dict[str, Callable[..., acb]] = {
    "add": _sum,
    "mul": _product,
    "neg": lambda value: -value,
    "div": _divide,
    "pow": _power,
    "sqrt": lambda value: _root(value, acb(2)),
    "cbrt": lambda value: _root(value, acb(3)),
    "root": _root,
    "abs": lambda value: acb(abs(value)),
    "floor": lambda value: _round(value, up=False),
    "ceil": lambda value: _round(value, up=True),
    "sin": lambda value: value.sin(),
    "cos": lambda value: value.cos(),
    "tan": lambda value: value.tan(),
    "cot": lambda value: value.cot(),
    "sec": lambda value: value.sec(),
    "csc": lambda value: value.csc(),
    "arcsin": lambda value: value.asin(),
    "arccos": lambda value: value.acos(),
    "arctan": lambda value: value.atan(),
    "arccot": _of_reciprocal(lambda value: value.atan()),
    "arcsec": _of_reciprocal(lambda value: value.acos()),
    "arccsc": _of_reciprocal(lambda value: value.asin()),
    "sinh": lambda value: value.sinh(),
    "cosh": lambda value: value.cosh(),
    "tanh": lambda value: value.tanh(),
    "coth": lambda value: value.coth(),
    "sech": _reciprocal(lambda value: value.cosh()),
    "csch": _reciprocal(lambda value: value.sinh()),
    "arcsinh": lambda value: value.asinh(),
    "arccosh": lambda value: value.acosh(),
    "arctanh": lambda value: value.atanh(),
    "exp": lambda value: value.exp(),
    "ln": _log,
    "log10": lambda value: _log(value, acb(10)),
    "log": _log,
    "gamma": _gamma,
    "factorial": _factorial,
    "factorial2": _factorial2,
    "binom": _binomial,
    "Re": lambda value: acb(value.real),
    "Im": lambda value: acb(value.imag),
    "max": _extreme(largest=True),
    "min": _extreme(largest=False),
    "sgn": _sign,
    "erf": lambda value: value.erf(),
    "zeta": lambda value: value.zeta(),
}
