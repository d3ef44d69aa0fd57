"""The tree of an expression, and the bounds that keep every later step small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

MAX_CHARACTERS = 10_000
MAX_TOKENS = 2_500
MAX_DEPTH = 80
"""Sums, groups and commands within each other, while parsing: a bracket counts twice."""
MAX_TREE_DEPTH = 200
MAX_DIGITS = 10_000


class Unparsable(Exception):
    """The text is not an expression of the whitelisted grammar; later stages may know better."""


class TooLarge(Exception):
    """Past a bound: refused by whichever stage meets it."""


@dataclass(frozen=True, slots=True)
class Num:
    """A literal; exact, also when written as a decimal."""

    value: Fraction
    places: int | None = None
    """Digits after the decimal point, of a decimal literal."""


@dataclass(frozen=True, slots=True)
class Sym:
    """A variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Const:
    """``pi``, ``e``, ``i``, ``inf``, and the units ``deg`` (pi/180) and ``percent`` (1/100)."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or function and its operands."""

    name: str
    args: tuple[Node, ...]


Node = Num | Sym | Const | Call

ZERO = Num(Fraction(0))
ONE = Num(Fraction(1))


def add(*terms: Node) -> Node:
    """The sum."""
    return terms[0] if len(terms) == 1 else Call("add", terms)


def mul(*factors: Node) -> Node:
    """The product."""
    return factors[0] if len(factors) == 1 else Call("mul", factors)


def neg(node: Node) -> Node:
    """The negative; of a literal, a literal."""
    return Num(-node.value, node.places) if isinstance(node, Num) else Call("neg", (node,))


def sub(left: Node, right: Node) -> Node:
    """The difference."""
    return Call("add", (left, neg(right)))


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    if isinstance(node, Call):
        for argument in node.args:
            yield from walk(argument)


def check_depth(node: Node) -> None:
    """Nothing, for a tree that recursion may walk.

    Raises:
        TooLarge: it is deeper than ``MAX_TREE_DEPTH`` (a chain of divisions or factorials is).
    """
    level = [node]
    for _ in range(MAX_TREE_DEPTH):
        level = [below for above in level if isinstance(above, Call) for below in above.args]
        if not level:
            return
    raise TooLarge


def symbols(node: Node) -> frozenset[str]:
    """The names of its variables."""
    return frozenset(part.name for part in walk(node) if isinstance(part, Sym))


def has(node: Node, *names: str) -> bool:
    """Whether a constant or call of one of the names occurs."""
    return any(isinstance(part, (Const, Call)) and part.name in names for part in walk(node))
