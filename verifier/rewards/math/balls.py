"""Stage 3, ``balls``: arithmetic on numbers known to lie within an error.

Balls that do not meet prove two values unequal. Constants that still meet at ``_FINEST`` bits, in balls too
small for chance, are equal. Expressions with variables are compared so at several points: one where they part
proves them unequal; agreement at all of them, to hundreds of digits, is an identity (for polynomials by the
Schwartz-Zippel lemma; what else an answer may hold is analytic between few cuts, and the points lie on both
sides of zero). Points where either side is not real are passed over, unless the expressions speak of ``i``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import flint
from flint import acb, arb, fmpq

from verifier.rewards.math.evaluate import Unknown, Values, value
from verifier.rewards.math.exact import Undefined
from verifier.rewards.math.syntax import Node, TooLarge, has, symbols, walk

_COARSE, _FINE, _FINEST = 128, 512, 4_096
_ENOUGH_POINTS = 4
_MAX_NODES = 1_500
_MAX_SYMBOLS = 12
_SLACK_BITS = 64
_WHOLE_NUMBERS_ONLY = ("factorial", "factorial2", "binom")


def equal(left: Node, right: Node) -> bool | None:
    """Whether two expressions have the same value wherever both are defined; None where that stays open.

    Raises:
        Undefined: one of them has no value (anywhere that was tried).
        TooLarge: more work than an answer is worth.
    """
    names = _names(left, right)
    try:
        return _equal_at_points(left, right, names) if names else _equal_constants(left, right)
    except Unknown:
        return None


def ratio_sign(left: Node, right: Node) -> int | None:
    """The sign of ``left / right`` where that is the same number everywhere; None where it is not.

    Two equations ``left = 0`` and ``right = 0`` are then multiples of each other.
    """
    names = _names(left, right)
    with flint.ctx.workprec(_FINE):
        sides = (pair for pair in _real_pairs(left, right, names) if not _holds_zero(pair[1]))
        ratio = _common(((above / below) for above, below in sides), _ENOUGH_POINTS + len(names))
        if ratio is None or _holds_zero(ratio):
            return None
        return 1 if ratio.real > 0 else -1


def is_constant(node: Node) -> bool:
    """Whether an expression has the same value wherever it is defined and real."""
    names = _names(node, node)
    if not names:
        return True
    with flint.ctx.workprec(_FINE):
        values = (pair[0] for pair in _real_pairs(node, node, names))
        return _common(values, _ENOUGH_POINTS + len(names)) is not None


def less(left: Node, right: Node) -> bool | None:
    """Whether one real constant is surely below another; None where that stays open."""
    with flint.ctx.workprec(_FINE):
        low, high = _constant_value(left), _constant_value(right)
        if low is None or high is None or not (_is_real(low) and _is_real(high)):
            return None
        if low.real < high.real:
            return True
        return False if low.real > high.real else None


def close(left: Node, right: Node, error: Fraction, relative: bool) -> bool:
    """Whether two constants differ by no more than the error (of the left one's size, when relative)."""
    with flint.ctx.workprec(_COARSE):
        first, second = _constant_value(left), _constant_value(right)
        if first is None or second is None:
            return False
        allowed = arb(fmpq(error.numerator, error.denominator))
        if relative:
            allowed = allowed * abs(first)
        return bool(abs(first - second) <= allowed * (1 + arb(2) ** -_SLACK_BITS))


def _names(left: Node, right: Node) -> list[str]:
    """The variables of both.

    Raises:
        TooLarge: of them, or of all parts, there are too many.
    """
    names = sorted(symbols(left) | symbols(right))
    if len(names) > _MAX_SYMBOLS or sum(1 for node in (left, right) for _ in walk(node)) > _MAX_NODES:
        raise TooLarge
    return names


def _equal_constants(left: Node, right: Node) -> bool | None:
    for bits in (_COARSE, _FINE, _FINEST):
        with flint.ctx.workprec(bits):
            first, second = value(left, {}), value(right, {})
            difference = first - second
            if difference.is_finite() and not _holds_zero(difference):
                return False
    return True if difference.is_finite() and _is_tiny(difference, _FINEST - _FINE) else None


def _equal_at_points(left: Node, right: Node, names: list[str]) -> bool | None:
    """Agreement at many points, and at one of them to the last of the finest bits."""
    agreed = _agree(left, right, names, _FINE, _ENOUGH_POINTS + len(names))
    return _agree(left, right, names, _FINEST, 1) if agreed else agreed


def _agree(left: Node, right: Node, names: list[str], bits: int, enough: int) -> bool | None:
    is_complex = has(left, "i") or has(right, "i")
    whole = has(left, *_WHOLE_NUMBERS_ONLY) or has(right, *_WHOLE_NUMBERS_ONLY)
    agreed, defined = 0, False
    with flint.ctx.workprec(bits):
        for first, second in _pairs(left, right, names, whole):
            defined = True
            if not is_complex and not (_is_real(first) and _is_real(second)):
                continue
            if not _holds_zero(first - second):
                return False
            agreed += _is_tiny(first - second, _COARSE)
            if agreed >= enough:
                return True
    if not defined:
        raise Undefined
    return None


def _common(values: Iterable[acb], enough: int) -> acb | None:
    """The one value that so many agree in; None where two differ or there are too few."""
    first: acb | None = None
    agreed = 0
    try:
        for found in values:
            first = found if first is None else first
            if not _holds_zero(found - first):
                return None
            agreed += 1
            if agreed >= enough:
                return first
    except Unknown:
        return None
    return None


def _real_pairs(left: Node, right: Node, names: list[str]) -> Iterator[tuple[acb, acb]]:
    for first, second in _pairs(left, right, names, whole=False):
        if _is_real(first) and _is_real(second):
            yield first, second


def _pairs(left: Node, right: Node, names: list[str], whole: bool) -> Iterator[tuple[acb, acb]]:
    """Both values at each point where both are finite; whole numbers last, or alone."""
    points = [] if whole else _points(names)
    for point in [*points, *_whole_points(names)]:
        try:
            first, second = value(left, point), value(right, point)
        except Undefined:
            continue
        if first.is_finite() and second.is_finite():
            yield first, second


def _constant_value(node: Node) -> acb | None:
    """The value of a small constant expression; None where it has none."""
    if _names(node, node):
        return None
    try:
        found = value(node, {})
    except (Unknown, Undefined):
        return None
    return found if found.is_finite() else None


def _holds_zero(ball: acb) -> bool:
    return bool(ball.contains(acb(0)))


def _is_real(ball: acb) -> bool:
    return bool(ball.imag.contains(arb(0))) and bool(ball.imag.rad() < arb(2) ** -_SLACK_BITS)


def _is_tiny(ball: acb, bits: int) -> bool:
    """Whether a ball around zero is too small for two different values to share."""
    return bool(abs(ball).abs_upper() < arb(2) ** -bits)


def _whole_points(names: list[str]) -> list[Values]:
    return [
        {name: acb(5 + (7 * shift + 11 * number) % 13) for number, name in enumerate(names)}
        for shift in range(13)
    ]


def _points(names: list[str]) -> list[Values]:
    """Rationals that no one would choose, on both sides of zero."""
    points = []
    for trial, (scale, signs) in enumerate(_TRIALS):
        point = {}
        for number, name in enumerate(names):
            above = (7919 * (trial + 3) * (number + 5) + 104729 * (number + 1)) % 9973 + 1
            sign = -1 if signs >> (number % 3) & 1 else 1
            point[name] = acb(arb(fmpq(sign * above * scale.numerator, 9973 * scale.denominator)))
        points.append(point)
    return points


_TRIALS = [
    (Fraction(scale), signs)
    for scale, signs in [
        ("1", 0), ("1", 7), ("3", 0), ("3", 2), ("1/2", 5), ("7", 0), ("7", 7), ("20", 1), ("1/5", 0),
        ("1/5", 6), ("50", 0), ("1", 3), ("1000", 0), ("3", 4), ("1/50", 0), ("2", 0), ("5", 0), ("1/3", 0),
        ("10", 0), ("4", 0), ("6", 0), ("1/4", 0), ("15", 0), ("100", 0),
    ]
]  # fmt: skip
"""The size of a point, and a bit for each third variable that is negative there."""
