"""Values of expressions as balls (python-flint's Arb): numbers known to lie within an error."""

from __future__ import annotations

from collections.abc import Callable

from flint import acb, arb, fmpq

from verifier.rewards.math.exact import Undefined
from verifier.rewards.math.syntax import Const, Node, Num, Sym, TooLarge

Values = dict[str, acb]

_LARGEST_WHOLE = 2**64


class Unknown(Exception):
    """No function of this file covers the case."""


def value(node: Node, point: Values) -> acb:
    if isinstance(node, Num):
        return acb(arb(fmpq(node.value.numerator, node.value.denominator)))
    if isinstance(node, Sym):
        return point[node.name]
    if isinstance(node, Const):
        return _constant(node.name)
    values = [value(argument, point) for argument in node.args]
    try:
        return _FUNCTIONS[node.name](*values)
    except (KeyError, ValueError, ArithmeticError):  # no such function, or not for such values
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
    if not value.is_exact() or value.imag != 0 or not abs(value.real) < _LARGEST_WHOLE:
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
    if not abs(value.real) < _LARGEST_WHOLE:
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
    if not result.is_finite() and value.cos().contains(acb(0)):
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
    "cis": lambda value: (value * acb(0, 1)).exp(),
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
