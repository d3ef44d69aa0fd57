"""Parts of the real line: inequalities and unions as one sorted list of intervals, to be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cmp_to_key

from verifier.rewards.math import balls
from verifier.rewards.math.answers import Answer, Items, Region, Relation, Scalar, Span
from verifier.rewards.math.exact import rational
from verifier.rewards.math.syntax import Call, Const, Node, Num, Sym, Unparsable, add, mul, neg, sub, symbols

INFINITY = Const("inf")
MINUS_INFINITY = neg(INFINITY)
REALS = Region((Span(MINUS_INFINITY, INFINITY, False, False),))
_FLIPPED = {"<": ">", ">": "<", "≤": "≥", "≥": "≤", "=": "=", "≠": "≠"}
_MAX_SPANS = 100


def region(answer: Answer) -> Region | None:
    """The part of the real line that an answer describes, if it is one; endpoints sorted, overlaps merged.

    None also where the order of endpoints stays open, or an inequality is not linear in one variable.
    """
    try:
        return _region(answer)
    except Unparsable:
        return None


def _region(answer: Answer) -> Region:
    if isinstance(answer, Region):
        return _merged(answer.spans)
    if isinstance(answer, Relation):
        return _of_relation(answer)
    if isinstance(answer, Items):
        return _of_items(answer)
    raise Unparsable


def _of_items(answer: Items) -> Region:
    if answer.form == "all_but":
        return _complement([_value(item) for item in answer.items])
    if answer.form == "any":
        return _merged([span for item in answer.items for span in _region(item).spans])
    if answer.form == "all":
        result = REALS
        for item in answer.items:
            result = _intersection(result, _region(item))
        return result
    if answer.form in ("tuple", "bracket") and len(answer.items) == 2:
        if order(_value(answer.items[0]), _value(answer.items[1])) >= 0:
            raise Unparsable
        closed = answer.form == "bracket"
        return _merged([Span(_value(answer.items[0]), _value(answer.items[1]), closed, closed)])
    raise Unparsable


def _value(answer: Answer) -> Node:
    if not isinstance(answer, Scalar) or symbols(answer.value):
        raise Unparsable
    return answer.value


def _of_relation(relation: Relation) -> Region:
    result = REALS
    variable: str | None = None
    for left, sign, right in zip(relation.sides, relation.signs, relation.sides[1:], strict=False):
        if not (isinstance(left, Scalar) and isinstance(right, Scalar)):
            raise Unparsable
        name, solved = _solve(left.value, sign, right.value)
        if variable not in (None, name):
            raise Unparsable
        variable = name
        result = _intersection(result, solved)
    return result


def _solve(left: Node, sign: str, right: Node) -> tuple[str, Region]:
    """The region of one linear inequality, and its variable."""
    names = symbols(left) | symbols(right)
    if len(names) != 1:
        raise Unparsable
    name = next(iter(names))
    if isinstance(left, Sym) and not symbols(right):
        return name, _ray(sign, right)
    if isinstance(right, Sym) and not symbols(left):
        return name, _ray(_FLIPPED[sign], left)
    difference = sub(left, right)
    constant, slope = _linear(difference, name)
    bound = Num(-constant / slope)
    return name, _ray(sign if slope > 0 else _FLIPPED[sign], bound)


def _linear(node: Node, name: str) -> tuple[Fraction, Fraction]:
    """``constant`` and ``slope`` of a linear expression with rational coefficients."""
    at_zero, at_one = rational(_put(node, name, 0)), rational(_put(node, name, 1))
    if at_zero is None or at_one is None or at_zero == at_one:
        raise Unparsable
    line = add(Num(at_zero), mul(Num(at_one - at_zero), Sym(name)))
    if balls.equal(node, line) is not True:
        raise Unparsable
    return at_zero, at_one - at_zero


def _put(node: Node, name: str, value: int) -> Node:
    if isinstance(node, Sym):
        return Num(Fraction(value)) if node.name == name else node
    if isinstance(node, Call):
        return Call(node.name, tuple(_put(argument, name, value) for argument in node.args))
    return node


def _ray(sign: str, bound: Node) -> Region:
    if sign == "=":
        return Region((Span(bound, bound, True, True),))
    if sign == "≠":
        return _complement([bound])
    closed = sign in "≤≥"
    if sign in "<≤":
        return Region((Span(MINUS_INFINITY, bound, False, closed),))
    return Region((Span(bound, INFINITY, closed, False),))


def _complement(points: Sequence[Node]) -> Region:
    ordered = sorted(points, key=cmp_to_key(order))
    lows, highs = [MINUS_INFINITY, *ordered], [*ordered, INFINITY]
    return Region(tuple(Span(low, high, False, False) for low, high in zip(lows, highs, strict=True)))


def _merged(spans: Sequence[Span]) -> Region:
    if len(spans) > _MAX_SPANS:
        raise Unparsable
    kept = sorted(filter(_is_filled, spans), key=cmp_to_key(_by_low))
    merged: list[Span] = []
    for span in kept:
        if merged and _touches(merged[-1], span):
            merged[-1] = _joined(merged[-1], span)
        else:
            merged.append(span)
    return Region(tuple(merged))


def _is_filled(span: Span) -> bool:
    gap = order(span.low, span.high)
    if gap > 0:
        raise Unparsable
    return gap < 0 or (span.low_closed and span.high_closed)


def _by_low(first: Span, second: Span) -> int:
    return order(first.low, second.low) or second.low_closed - first.low_closed


def _touches(first: Span, second: Span) -> bool:
    gap = order(second.low, first.high)
    return gap < 0 or (gap == 0 and (first.high_closed or second.low_closed))


def _joined(first: Span, second: Span) -> Span:
    gap = order(first.high, second.high)
    if gap == 0:
        return Span(first.low, first.high, first.low_closed, first.high_closed or second.high_closed)
    end = first if gap > 0 else second
    return Span(first.low, end.high, first.low_closed, end.high_closed)


def _intersection(first: Region, second: Region) -> Region:
    spans = []
    for left in first.spans:
        for right in second.spans:
            low = _choose(left, right, lower=True)
            high = _choose(left, right, lower=False)
            gap = order(low.low, high.high)
            if gap < 0 or (gap == 0 and low.low_closed and high.high_closed):
                spans.append(Span(low.low, high.high, low.low_closed, high.high_closed))
    return _merged(spans)


def _choose(left: Span, right: Span, lower: bool) -> Span:
    """Of two spans the one whose end is the tighter."""
    if lower:
        gap = order(left.low, right.low) or right.low_closed - left.low_closed
        return left if gap > 0 or (gap == 0 and not left.low_closed) else right
    gap = order(left.high, right.high) or left.high_closed - right.high_closed
    return left if gap < 0 or (gap == 0 and not left.high_closed) else right


def order(left: Node, right: Node) -> int:
    """-1, 0 or 1 as one constant is below, at or above another.

    Raises:
        Unparsable: that stays open.
    """
    ends = infinity(left), infinity(right)
    if any(ends):
        return (ends[0] > ends[1]) - (ends[0] < ends[1])
    first, second = rational(left), rational(right)
    if first is not None and second is not None:
        return (first > second) - (first < second)
    below = balls.less(left, right)
    if below is not None:
        return -1 if below else 1
    if not symbols(left) and not symbols(right) and balls.equal(left, right):
        return 0
    raise Unparsable


def infinity(node: Node) -> int:
    """1 and -1 of the infinities, 0 of all else."""
    if node == INFINITY:
        return 1
    return -1 if node == MINUS_INFINITY else 0


def same(first: Region, second: Region, equal: Callable[[Node, Node], bool]) -> bool:
    """Whether two merged regions are equal, endpoints compared by ``equal``."""
    return len(first.spans) == len(second.spans) and all(
        a.low_closed == b.low_closed
        and a.high_closed == b.high_closed
        and _same_end(a.low, b.low, equal)
        and _same_end(a.high, b.high, equal)
        for a, b in zip(first.spans, second.spans, strict=True)
    )


def _same_end(left: Node, right: Node, equal: Callable[[Node, Node], bool]) -> bool:
    if infinity(left) or infinity(right):
        return infinity(left) == infinity(right)
    return equal(left, right)
