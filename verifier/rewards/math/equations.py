"""Equations as answers: which side is only a name, and whose values the other sides are."""

from __future__ import annotations

from verifier.rewards.math.answers import Answer, Items, Relation, Scalar
from verifier.rewards.math.syntax import Call, Node, Num, Sym, symbols

_ASKED_FUNCTIONS = frozenset(
    {"abs", "sin", "cos", "tan", "cot", "sec", "csc", "gcd", "lcm", "max", "min", "floor", "ceil", "Re", "Im"}
)


def name(relation: Relation) -> Node | Answer | None:
    """The name that an equation gives a value: its left side, when the value is without it."""
    left = relation.sides[0]
    if isinstance(left, Items):
        return (
            left
            if all(isinstance(item, Scalar) and isinstance(item.value, Sym) for item in left.items)
            else None
        )
    if not isinstance(left, Scalar):
        return None
    if isinstance(left.value, Sym) or _is_application(left.value):
        used = {
            name for side in relation.sides[1:] if isinstance(side, Scalar) for name in symbols(side.value)
        }
        return left.value if not (isinstance(left.value, Sym) and left.value.name in used) else None
    return None


def _is_application(node: Node) -> bool:
    """``f(x)``, which the grammar reads as a product."""
    return (
        isinstance(node, Call)
        and node.name == "mul"
        and len(node.args) == 2
        and isinstance(node.args[0], Sym)
        and node.args[0].name[0] in "fghFGHPTS"
        and isinstance(node.args[1], (Sym, Num))
    )


def is_quantity(node: Node) -> bool:
    """What a problem may ask for: ``|A|``, ``\\sin A``, the segment ``AB``, the sum ``m + n``."""
    if not isinstance(node, Call):
        return False
    if node.name in ("add", "mul"):
        parts = [part.name if isinstance(part, Sym) else "" for part in node.args]
        return (
            all(parts) and len(set(parts)) == len(parts) and (node.name == "add" or "".join(parts).isupper())
        )
    return node.name in _ASKED_FUNCTIONS and all(isinstance(part, Sym) for part in node.args)


def same_name(mine: Node | Answer, theirs: Node | Answer) -> bool:
    """Equal names; and a function's value may be called ``y``."""
    if mine == theirs:
        return True
    labels = [str(name.name) if isinstance(name, Sym) else "" for name in (mine, theirs)]
    applications = [_is_label(label) for label in labels]
    return (applications[0] and labels[1] == "y") or (applications[1] and labels[0] == "y")


def _is_label(name: str) -> bool:
    return len(name) > 3 and name[1:2] == "(" and name[-1] == ")"


def named_value(relation: Relation) -> Answer | None:
    """The value of ``A = \\{1, 2\\}`` or ``(x, y) = (1, 2)``; None of an equation that names none."""
    if relation.signs != ("=",) or name(relation) is None:
        return None
    return relation.sides[1]


def assigned(items: Items) -> tuple[list[str], list[Answer]]:
    """Names and values of ``x=-1, y=5`` in the order of names; only values of ``x=2, x=3`` and ``x=2, 3``."""
    values: list[tuple[str, Answer]] = []
    for item in items.items:
        if not (isinstance(item, Relation) and item.signs == ("=",)):
            continue
        name = item.sides[0]
        if isinstance(name, Scalar) and isinstance(name.value, Sym):
            values.append((name.value.name, item.sides[1]))
    names = [name for name, _ in values]
    if len(values) == len(items.items) and len(set(names)) == len(names):
        values.sort(key=lambda pair: pair[0])
        return [name for name, _ in values], [value for _, value in values]
    if values and len(set(names)) == 1:
        return [], [item.sides[1] if isinstance(item, Relation) else item for item in items.items]
    return [], list(items.items)
