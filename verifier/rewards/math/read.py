"""Text to a typed answer: what kind of thing it is, and its parts.

Brackets, connectives and relation signs at the top level decide the kind; the parts between them are read the
same way, down to expressions. Text that is no mathematics is ``Words``; mathematics that the grammar does not
know is ``Opaque``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from verifier.rewards.math import recognize, units
from verifier.rewards.math.answers import (
    Answer,
    Choice,
    Congruence,
    Items,
    Matrix,
    Opaque,
    Ratio,
    Region,
    Relation,
    Scalar,
    Span,
    Words,
)
from verifier.rewards.math.extract import is_placeholder
from verifier.rewards.math.notation import normalize
from verifier.rewards.math.parse import is_prose, parse
from verifier.rewards.math.syntax import (
    MAX_CHARACTERS,
    Call,
    Const,
    Node,
    Num,
    Sym,
    TooLarge,
    Unparsable,
    mul,
    neg,
    walk,
)
from verifier.rewards.math.tokens import Token, tokenize
from verifier.rewards.math.units import Unit

_MAX_NESTING = 12
_MAX_ITEMS = 200
_UNEVALUATED = re.compile(r"\\(?:i*int|oint|sum|prod|lim)(?![A-Za-z])|∫|∑|∏|\blim\b")
_MATRIX = re.compile(
    r"\\begin\s*\{\s*(?P<name>[pbB]?matrix|smallmatrix|array)\s*\}(?:\s*\{[^{}]*\})?(?P<body>.*)\\end\s*\{\s*(?P=name)\s*\}",
    re.DOTALL,
)
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_PLAIN_COMMANDS = frozenset({"frac", "sqrt", "theta", "alpha", "beta"})
_NUMBER_SETS = frozenset("ℤℕℚℝℂZNQRC")
_TEXT_PARTS = re.compile(r"(\band\b|\bor\b|[,;])")
_IGNORED_WORDS = re.compile(
    r"\(?(?:(?:approximately|approx\.?|about|roughly|exactly|equals?|is|answer|the|by|value|only|total|final)"
    r"[\s:]*)+\)?"
)
_AMOUNT = re.compile(r"(-?\d[\d.,/]*)\s+([A-Za-z][A-Za-z ]*)")
_CLAUSE = re.compile(r"\s*(?:where|for|with|when|if|such that|as|since|because)\b")
_INTERVAL_WORDS = re.compile(r"all real numbers?|all reals?|any real numbers?|real numbers")


@dataclass(frozen=True, slots=True)
class Reading:
    """A text and what it was read as."""

    text: str
    latex: str
    """Normalised."""
    key: str
    """Texts of equal keys are equal without further thought."""
    answer: Answer
    unevaluated: bool
    """It holds an integral, a sum, a product or a limit that is still to be worked out."""


def read(text: str) -> Reading:
    """The typed answer that a text gives.

    Raises:
        TooLarge: it is longer, wider or deeper than an answer.
        Unparsable: it is empty, a placeholder, or its braces do not match.
    """
    if len(text) > MAX_CHARACTERS:
        raise TooLarge
    latex = _trim(normalize(text.strip(" \t\r\n*")))
    if is_placeholder(latex) and "∅" not in latex:
        raise Unparsable
    answer = _read(latex, 0)
    if answer == Words(""):
        raise Unparsable
    return Reading(text, latex, _key(latex), answer, _UNEVALUATED.search(latex) is not None)


def _trim(latex: str) -> str:
    latex = latex.strip().strip("*").strip()
    while latex and latex[-1] in ".,;:" and not latex.endswith("..."):
        latex = latex[:-1].rstrip()
    return latex.lstrip("=≈: ").strip()


def _key(latex: str) -> str:
    """Without needless space and braces; case is kept, and space between digits: ``4 2`` is not ``42``."""
    bare = re.sub(r"(?<=[\d,])\s+(?=\d)", "_ ", re.sub(r"\{\s*(\w)\s*\}", r"\1", latex))
    return re.sub(r"(?<!_)\s+", "", bare)


def _read(latex: str, nesting: int) -> Answer:
    if nesting > _MAX_NESTING:
        raise TooLarge
    known = _recognized(latex, nesting)
    if known is not None:
        return known
    return _Reader(nesting).answer(_with_connectives(tokenize(latex)), latex)


def _recognized(latex: str, nesting: int) -> Answer | None:
    text = recognize.plain(latex)
    letter = recognize.choice(text)
    if letter is not None:
        return Choice(letter)
    found = recognize.moment(text) or recognize.numeral(text)
    if found is not None:
        return found
    if _INTERVAL_WORDS.fullmatch(text.lower()) or text in ("ℝ", "-∞<x<∞"):
        return _REALS
    if text == "∅":
        return Region(())
    with_content = recognize.choice_with_content(latex)
    if with_content is not None:
        return Choice(with_content[0], _read(_trim(with_content[1]), nesting + 1))
    matrix = _MATRIX.fullmatch(latex)
    return _matrix(matrix["body"], nesting) if matrix else None


def _matrix(body: str, nesting: int) -> Answer:
    rows = [row for row in re.split(r"\\\\(?:\s*\[[^\]]*\])?", body.replace(r"\hline", "")) if row.strip()]
    cells = [row.split("&") for row in rows]
    if not cells or sum(map(len, cells)) > _MAX_ITEMS or len(set(map(len, cells))) != 1:
        raise Unparsable
    return Matrix(tuple(tuple(_read(cell.strip(), nesting + 1) for cell in row) for row in cells))


def _with_connectives(tokens: Sequence[Token]) -> list[Token]:
    """With "and", "or" and commas out of text as tokens of their own, and empty phrases left out."""
    result: list[Token] = []
    for token in tokens:
        if token.kind == "word" and token.value in ("and", "or"):
            result.append(Token("joint", token.value))
        elif token.kind == "text":
            result += _text_parts(token)
        elif not (token.kind == "word" and _IGNORED_WORDS.fullmatch(token.value)):
            result.append(token)
    while result and result[0].kind == "sym" and result[0].value in "≈=":
        result.pop(0)
    return result


def _text_parts(token: Token) -> list[Token]:
    parts: list[Token] = []
    pieces = _TEXT_PARTS.split(token.value)
    if len(pieces) > 1:
        pieces = [piece.strip(" ()") for piece in pieces]
    for piece in pieces:
        bare = piece.strip()
        if bare in ("and", "or"):
            parts.append(Token("joint", bare))
        elif bare and not any(map(str.isalpha, bare)):
            parts += tokenize(bare)
        elif bare.lower() == "infinity":
            parts.append(Token("sym", "∞"))
        elif amount := _AMOUNT.fullmatch(bare):
            parts += [*tokenize(amount[1]), Token("text", amount[2], True)]
        elif bare and not _IGNORED_WORDS.fullmatch(bare.lower()):
            parts.append(Token("text", bare, True))
    return parts


class _Reader:
    """Reads token lists; ``nesting`` counts brackets within brackets."""

    def __init__(self, nesting: int) -> None:
        self.nesting = nesting

    def deeper(self) -> _Reader:
        """A reader for the inside of a bracket."""
        if self.nesting >= _MAX_NESTING:
            raise TooLarge
        return _Reader(self.nesting + 1)

    def answer(self, tokens: list[Token], latex: str) -> Answer:
        """What the tokens say; ``latex`` is their text, for answers that stay opaque."""
        if not tokens:
            return recognize.words(recognize.plain(latex))
        pieces, joints = _split(tokens)
        if len(pieces) > 1:
            return self._several(pieces, joints)
        try:
            return self._single(tokens)
        except Unparsable:
            text = recognize.plain(latex)
            if _is_text(tokens):
                return recognize.words(text)
            return Opaque(latex)

    def piece(self, tokens: list[Token]) -> Answer:
        """One piece of a longer answer."""
        letter = recognize.choice(recognize.plain(_spell(tokens))) if len(tokens) < 4 else None
        if letter is not None:
            return Choice(letter)
        return self.deeper().answer(tokens, _spell(tokens))

    def _several(self, pieces: list[list[Token]], joints: list[str]) -> Answer:
        if len(pieces) > _MAX_ITEMS:
            raise TooLarge
        kept = [piece for piece in pieces if not _is_condition(piece)] or pieces
        if len(kept) == 1:
            return self.piece(kept[0])
        answers = _flat(self.piece(piece) for piece in kept)
        if all(isinstance(answer, Relation) and set(answer.signs) - {"="} for answer in answers):
            return Items(answers, "any" if "or" in joints else "all")
        if excluded := _excluded(answers):
            return Items(excluded, "all_but")
        return Items(answers, "list")

    def _single(self, tokens: list[Token]) -> Answer:
        if any(token.kind == "sym" and token.value in "∪∖∩" for token in tokens) and _top(tokens, "∪∖"):
            return self._region(tokens)
        if len(tokens) == 1 and tokens[0].value == "ℝ":
            return _REALS
        if at := _top(tokens, "∈"):
            return (
                _member(self.deeper()._single(tokens[at[0] + 1 :])) if _is_name(tokens[: at[0]]) else _fail()
            )
        if at := _top(tokens, "≡"):
            return self._congruence(tokens, at[0])
        if at := _top(tokens, "=<>≤≥≠"):
            return self._relation(tokens, at)
        if at := _top(tokens, ":"):
            return Ratio(tuple(Scalar(parse(part)) for part in _cut(tokens, at)))
        if _encloses(tokens):
            return self._bracketed(tokens)
        return self._scalar(tokens)

    def _congruence(self, tokens: list[Token], sign: int) -> Answer:
        """``x \\equiv 3 \\pmod{5}``."""
        at = [number for number, token in enumerate(tokens) if token.value in ("pmod", "bmod", "mod")]
        if len(at) != 1 or at[0] < sign:
            raise Unparsable
        residue, modulus = tokens[sign + 1 : at[0]], tokens[at[0] + 1 :]
        if residue and residue[-1].value == "(" and modulus and modulus[-1].value == ")":
            residue, modulus = residue[:-1], modulus[:-1]
        return Congruence(*(Scalar(parse(part)) for part in (tokens[:sign], residue, modulus)))

    def _relation(self, tokens: list[Token], at: list[int]) -> Answer:
        sides = _cut(tokens, at)
        signs = tuple(tokens[position].value for position in at)
        if not all(sides):
            raise Unparsable
        answers: list[Answer] = []
        for number, side in enumerate(sides):
            if number == 0 and signs[0] == "=" and _is_label(side):
                answers.append(Scalar(Sym(_spell(side))))
                continue
            answer = self.deeper()._single(side)
            answers.append(answer)
        return Relation(tuple(answers), signs)

    def _bracketed(self, tokens: list[Token]) -> Answer:
        opening, closing = tokens[0], tokens[-1]
        inside = tokens[1:-1]
        if opening.kind == "cmd":
            return self._set(inside)
        pieces, _ = _split(inside)
        pair = opening.value + closing.value
        if len(pieces) == 2 and (pair in ("(]", "[)") or (pair in ("()", "[]") and _is_infinite(pieces))):
            low, high = (parse(piece) for piece in pieces)
            return Region((Span(low, high, opening.value == "[", closing.value == "]"),))
        if pair not in ("()", "[]"):
            raise Unparsable
        if len(pieces) == 1:
            return self.deeper()._single(inside) if pair == "()" and inside else self._scalar(tokens)
        return Items(tuple(self.piece(piece) for piece in pieces), "tuple" if pair == "()" else "bracket")

    def _set(self, inside: list[Token]) -> Answer:
        if not inside:
            return Region(())
        if bar := (_top(inside, "|") or _top(inside, ":")):
            head, condition = inside[: bar[0]], inside[bar[0] + 1 :]
            if not _is_name([token for token in head if token.value not in "∈ℝR"]):
                raise Unparsable
            return self.deeper().answer(condition, _spell(condition))
        pieces, _ = _split(inside)
        if len(pieces) > _MAX_ITEMS:
            raise TooLarge
        return Items(_flat(self.piece(piece) for piece in pieces), "set")

    def _region(self, tokens: list[Token]) -> Answer:
        if at := _top(tokens, "∖"):
            whole, removed = tokens[: at[0]], self.deeper()._single(tokens[at[0] + 1 :])
            if len(whole) != 1 or whole[0].value not in "ℝR" or not isinstance(removed, Items):
                raise Unparsable
            return Items(removed.items, "all_but")
        parts = [self.deeper()._single(part) for part in _cut(tokens, _top(tokens, "∪"))]
        spans: list[Span] = []
        for part in parts:
            spans += _spans(part)
        return Region(tuple(spans))

    def _scalar(self, tokens: list[Token]) -> Answer:
        value, unit = _value_and_unit(tokens)
        if not isinstance(unit, str) and has_sign_choice(value):
            return Items(tuple(Scalar(branch, unit) for branch in branches(value)), "list")
        return Scalar(value, unit)


# Splitting


def _depths(tokens: Sequence[Token]) -> list[int]:
    """How many brackets are open before each token (a closing one counts as outside)."""
    depths, depth, bars = [], 0, 0
    for token in tokens:
        bracket = token.kind in ("sym", "cmd")
        if bracket and token.value in _CLOSING:
            depth -= 1
        depths.append(depth + bars)
        if bracket and token.value in _OPENING:
            depth += 1
    return depths


def _top(tokens: Sequence[Token], signs: str) -> list[int]:
    """Where signs stand outside all brackets."""
    return [
        position
        for position, (token, depth) in enumerate(zip(tokens, _depths(tokens), strict=True))
        if depth == 0 and token.kind == "sym" and token.value in signs
    ]


def _cut(tokens: Sequence[Token], at: Sequence[int]) -> list[list[Token]]:
    edges = [-1, *at, len(tokens)]
    return [list(tokens[start + 1 : end]) for start, end in itertools.pairwise(edges)]


def _split(tokens: Sequence[Token]) -> tuple[list[list[Token]], list[str]]:
    """Pieces between commas, semicolons, "and" and "or" outside brackets; and those joints."""
    at = [
        position
        for position, (token, depth) in enumerate(zip(tokens, _depths(tokens), strict=True))
        if depth <= 0 and (token.kind == "joint" or (token.kind == "sym" and token.value in ",;"))
    ]
    if not at and any(token.kind == "joint" for token in tokens):
        at = [position for position, token in enumerate(tokens) if token.kind == "joint"]
    pieces = [piece for piece in _cut(tokens, at) if piece]
    return (pieces or [list(tokens)]), [tokens[position].value for position in at]


def _encloses(tokens: Sequence[Token]) -> bool:
    """Whether the first token is a bracket that the last one closes."""
    if len(tokens) < 2 or tokens[0].value not in _OPENING or tokens[-1].value not in _CLOSING:
        return False
    if tokens[0].kind not in ("sym", "cmd") or (tokens[0].kind == "sym" and tokens[0].value == "{"):
        return False
    return all(depth > 0 for depth in _depths(tokens)[1:-1])


# Small questions about tokens


def _is_text(tokens: Sequence[Token]) -> bool:
    """Whether there are words, and nothing that only mathematics has."""
    has_words = any(
        token.kind == "text" or (token.kind == "word" and is_prose(token.value)) for token in tokens
    )
    return has_words and not any(token.kind == "cmd" for token in tokens)


def _is_name(tokens: Sequence[Token]) -> bool:
    """A variable, a tuple of them, or one applied to others: ``x``, ``(x, y)``, ``f(x)``, ``a_n``."""
    if not tokens or len(tokens) > 12:
        return False
    names = [
        token for token in tokens if token.kind in ("word", "cmd") and token.value not in _OPENING | _CLOSING
    ]
    others = [token for token in tokens if token.kind == "sym" or token.value in _OPENING | _CLOSING]
    if len(names) + len(others) + sum(token.kind == "num" for token in tokens) != len(tokens):
        return False
    return (
        bool(names) and all(len(n.value) == 1 or n.kind == "cmd" for n in names) and _only(others, "()_'{},")
    )


def _only(tokens: Sequence[Token], allowed: str) -> bool:
    return all(token.value in allowed for token in tokens)


def _is_label(tokens: Sequence[Token]) -> bool:
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
        return _is_name(tokens)
    return (
        _is_name(tokens) and tokens[0].kind == "word" and tokens[1].value == "(" and tokens[-1].value == ")"
    )


def _is_condition(tokens: Sequence[Token]) -> bool:
    """``n \\in \\mathbb{Z}``, ``where C is a constant``: says what a letter is, not another answer."""
    if tokens[0].kind == "text" and _CLAUSE.match(tokens[0].value):
        return True
    if tokens[0].kind == "word" and _CLAUSE.fullmatch(tokens[0].value):
        return True
    at = _top(tokens, "∈")
    return bool(at) and len(tokens) == at[0] + 2 and tokens[-1].value in _NUMBER_SETS


def _is_infinite(pieces: Sequence[Sequence[Token]]) -> bool:
    return any(token.value == "∞" for piece in pieces for token in piece)


def _spell(tokens: Sequence[Token]) -> str:
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


# Values with units, signs of choice


def _value_and_unit(tokens: list[Token]) -> tuple[Node, Unit | str | None]:
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
    return is_plain and not _top(tokens[1:], "+-±∓^")


def _without_currency(tokens: list[Token]) -> tuple[list[Token], Unit | None]:
    marks = [token for token in tokens if token.kind == "sym" and token.value in units.CURRENCY]
    if not marks:
        return tokens, None
    return [token for token in tokens if token not in marks], units.find(marks[0].value)


def _unit_start(tokens: Sequence[Token]) -> int | None:
    """Where a unit begins: at text, or at letters after a number that name one."""
    depths = _depths(tokens)
    for position, token in enumerate(tokens):
        if depths[position] or position == 0:
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


def _flat(answers: Iterable[Answer]) -> tuple[Answer, ...]:
    """Both values of a ``±`` in the place of one."""
    flat: list[Answer] = []
    for answer in answers:
        flat += answer.items if isinstance(answer, Items) and answer.form == "list" else [answer]
    return tuple(flat)


def _excluded(answers: Sequence[Answer]) -> tuple[Answer, ...] | None:
    """The points of ``x \\ne 0, 1``."""
    first, *others = answers
    if (
        not isinstance(first, Relation)
        or first.signs != ("≠",)
        or not all(isinstance(o, Scalar) for o in others)
    ):
        return None
    return (first.sides[1], *others)


def _member(answer: Answer) -> Answer:
    """What a variable is an element of: a pair in brackets is an interval there."""
    return Region(tuple(_spans(answer))) if isinstance(answer, Items) and answer.form != "set" else answer


def _spans(part: Answer) -> list[Span]:
    """An interval, or isolated points, as spans."""
    if isinstance(part, Region):
        return list(part.spans)
    if isinstance(part, Items) and part.form in ("tuple", "bracket") and len(part.items) == 2:
        low, high = part.items
        if isinstance(low, Scalar) and isinstance(high, Scalar):
            closed = part.form == "bracket"
            return [Span(low.value, high.value, closed, closed)]
    if isinstance(part, Items) and part.form == "set":
        points = [item.value for item in part.items if isinstance(item, Scalar)]
        if len(points) == len(part.items):
            return [Span(point, point, True, True) for point in points]
    raise Unparsable


def _fail() -> Answer:
    raise Unparsable


_MINUS_INFINITY, _INFINITY = neg(Const("inf")), Const("inf")
_REALS = Region((Span(_MINUS_INFINITY, _INFINITY, False, False),))
