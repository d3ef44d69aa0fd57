"""Questions about token lists: what stands outside all brackets, and what a part looks like."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from verifier.rewards.math.parse import is_prose
from verifier.rewards.math.tokens import Token

OPENING, CLOSING = frozenset("([{"), frozenset(")]}")
_NUMBER_SETS = frozenset("ℤℕℚℝℂZNQRC")
_CLAUSE = re.compile(r"\s*(?:where|for|with|when|if|such that|as|since|because)\b")


def depths(tokens: Sequence[Token]) -> list[int]:
    """How many brackets are open before each token (a closing one counts as outside)."""
    depths, depth, bars = [], 0, 0
    for token in tokens:
        bracket = token.kind in ("sym", "cmd")
        if bracket and token.value in CLOSING:
            depth -= 1
        depths.append(depth + bars)
        if bracket and token.value in OPENING:
            depth += 1
    return depths


def top(tokens: Sequence[Token], signs: str) -> list[int]:
    """Where signs stand outside all brackets."""
    return [
        position
        for position, (token, depth) in enumerate(zip(tokens, depths(tokens), strict=True))
        if depth == 0 and token.kind == "sym" and token.value in signs
    ]


def cut(tokens: Sequence[Token], at: Sequence[int]) -> list[list[Token]]:
    edges = [-1, *at, len(tokens)]
    return [list(tokens[start + 1 : end]) for start, end in itertools.pairwise(edges)]


def split(tokens: Sequence[Token]) -> tuple[list[list[Token]], list[str]]:
    """Pieces between commas, semicolons, "and" and "or" outside brackets; and those joints."""
    at = [
        position
        for position, (token, depth) in enumerate(zip(tokens, depths(tokens), strict=True))
        if depth <= 0 and (token.kind == "joint" or (token.kind == "sym" and token.value in ",;"))
    ]
    if not at and any(token.kind == "joint" for token in tokens):
        at = [position for position, token in enumerate(tokens) if token.kind == "joint"]
    pieces = [piece for piece in cut(tokens, at) if piece]
    return (pieces or [list(tokens)]), [tokens[position].value for position in at]


def encloses(tokens: Sequence[Token]) -> bool:
    """Whether the first token is a bracket that the last one closes."""
    if len(tokens) < 2 or tokens[0].value not in OPENING or tokens[-1].value not in CLOSING:
        return False
    if tokens[0].kind not in ("sym", "cmd") or (tokens[0].kind == "sym" and tokens[0].value == "{"):
        return False
    return all(depth > 0 for depth in depths(tokens)[1:-1])


def is_text(tokens: Sequence[Token]) -> bool:
    """Whether there are words, and nothing that only mathematics has."""
    has_words = any(
        token.kind == "text" or (token.kind == "word" and is_prose(token.value)) for token in tokens
    )
    return has_words and not any(token.kind == "cmd" for token in tokens)


def is_name(tokens: Sequence[Token]) -> bool:
    """A variable, a tuple of them, or one applied to others: ``x``, ``(x, y)``, ``f(x)``, ``a_n``."""
    if not tokens or len(tokens) > 12:
        return False
    names = [
        token for token in tokens if token.kind in ("word", "cmd") and token.value not in OPENING | CLOSING
    ]
    others = [token for token in tokens if token.kind == "sym" or token.value in OPENING | CLOSING]
    if len(names) + len(others) + sum(token.kind == "num" for token in tokens) != len(tokens):
        return False
    return (
        bool(names) and all(len(n.value) == 1 or n.kind == "cmd" for n in names) and _only(others, "()_'{},")
    )


def _only(tokens: Sequence[Token], allowed: str) -> bool:
    return all(token.value in allowed for token in tokens)


def is_label(tokens: Sequence[Token]) -> bool:
    """What may stand before ``=`` as a mere name: a variable, ``f(x)``, ``\\angle ABC``, ``\\text{Area}``."""
    if any(token.kind == "text" for token in tokens):
        return not any(token.kind == "num" for token in tokens)
    if tokens[0].kind == "cmd" and tokens[0].value in (
        "angle",
        "overline",
        "vec",
        "triangle",
        "mathbf",
        "hat",
    ):
        return True
    if len(tokens) == 1:
        return False
    if any(token.kind == "sym" and token.value == "," for token in tokens):
        return is_name(tokens)
    return is_name(tokens) and tokens[0].kind == "word" and tokens[1].value == "(" and tokens[-1].value == ")"


def is_condition(tokens: Sequence[Token]) -> bool:
    """``n \\in \\mathbb{Z}``, ``where C is a constant``: says what a letter is, not another answer."""
    if tokens[0].kind == "text" and _CLAUSE.match(tokens[0].value):
        return True
    if tokens[0].kind == "word" and _CLAUSE.fullmatch(tokens[0].value):
        return True
    at = top(tokens, "∈")
    return bool(at) and len(tokens) == at[0] + 2 and tokens[-1].value in _NUMBER_SETS


def is_infinite(pieces: Sequence[Sequence[Token]]) -> bool:
    return any(token.value == "∞" for piece in pieces for token in piece)


def spell(tokens: Sequence[Token]) -> str:
    """The tokens as text again."""
    parts = []
    for token in tokens:
        before = " " if token.spaced else ""
        if token.kind == "cmd":
            parts.append(f"{before}\\{token.value}" + (" " if token.value.isalpha() else ""))
        elif token.kind == "text":
            parts.append(f"{before}\\text{{{token.value}}}")
        elif token.kind == "joint":
            parts.append(f"\\text{{ {token.value} }}")
        else:
            parts.append(before + token.value)
    return "".join(parts).strip()
