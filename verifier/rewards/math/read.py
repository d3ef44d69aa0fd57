"""Text to a typed answer: what kind of thing it is, and its parts.

Brackets, connectives and relation signs at the top level decide the kind; the parts between them are read the
same way, down to expressions. Text that is no mathematics is ``Words``; mathematics that the grammar does not
know is ``Opaque``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from verifier.rewards.math import balls, recognize
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
from verifier.rewards.math.layout import (
    cut,
    encloses,
    is_condition,
    is_infinite,
    is_label,
    is_name,
    is_text,
    spell,
    split,
    top,
)
from verifier.rewards.math.notation import normalize
from verifier.rewards.math.parse import parse
from verifier.rewards.math.quantity import branches, has_sign_choice, value_and_unit
from verifier.rewards.math.syntax import (
    MAX_CHARACTERS,
    Const,
    Num,
    Sym,
    TooLarge,
    Unparsable,
    neg,
)
from verifier.rewards.math.tokens import Token, tokenize

_MAX_NESTING = 12
_MAX_ITEMS = 200
_NEAR = Fraction(1, 50)
_UNEVALUATED = re.compile(r"\\(?:i*int|oint|sum|prod|lim)(?![A-Za-z])|∫|∑|∏|\blim\b")
_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)
_SHORT = 64
"""Characters of a text whose reading is kept."""
_MATRIX = re.compile(
    r"(?:[A-Za-z\\][\w\\{}' ]{0,40}=)?"
    r"\s*[(\[]?\s*\\begin\s*\{\s*(?P<name>[pbB]?matrix|smallmatrix|array)\s*\}"
    r"(?:\s*\{[^{}]*\})?(?P<body>.*)\\end\s*\{\s*(?P=name)\s*\}\s*[)\]]?"
    r"(?P<transposed>\s*\^\s*\{?\s*(?:T|\\top|\\intercal)\s*\}?)?",
    re.DOTALL,
)
_TEXT_PARTS = re.compile(r"(\band\b|\bor\b|[,;])")
_IGNORED_WORDS = re.compile(
    r"\(?(?:(?:approximately|approx\.?|about|roughly|exactly|equals?|is|answer|the|by|value|only|total|final)"
    r"[\s:]*)+\)?"
)
_AMOUNT = re.compile(r"(-?\d[\d.,/]*)\s+([A-Za-z][A-Za-z ]*)")
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
    return _read_short(text) if len(text) <= _SHORT else _read_text(text)


def _read_text(text: str) -> Reading:
    if _INTEGER.fullmatch(text):  # most answers are one, and need no grammar
        return Reading(text, text, text, Scalar(Num(Fraction(int(text)))), unevaluated=False)
    latex = _trim(normalize(text.strip(" \t\r\n*")))
    if is_placeholder(latex) and "∅" not in latex:
        raise Unparsable
    answer = _read(latex, 0)
    if answer == Words(""):
        raise Unparsable
    return Reading(text, latex, _key(latex), answer, _UNEVALUATED.search(latex) is not None)


_read_short = lru_cache(maxsize=8192)(_read_text)
"""A group's completions give the same few answers, and right ones that of the reference."""


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
    return _matrix(matrix["body"], bool(matrix["transposed"]), nesting) if matrix else None


def _matrix(body: str, transposed: bool, nesting: int) -> Answer:
    rows = [row for row in re.split(r"\\\\(?:\s*\[[^\]]*\])?", body.replace(r"\hline", "")) if row.strip()]
    cells = [row.split("&") for row in rows]
    if not cells or sum(map(len, cells)) > _MAX_ITEMS or len(set(map(len, cells))) != 1:
        raise Unparsable
    read_cells = [[_read(cell.strip(), nesting + 1) for cell in row] for row in cells]
    return Matrix(tuple(zip(*read_cells, strict=True)) if transposed else tuple(map(tuple, read_cells)))


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
        pieces, joints = split(tokens)
        if len(pieces) > 1:
            return self._several(pieces, joints)
        try:
            return self._single(tokens)
        except Unparsable:
            text = recognize.plain(latex)
            if is_text(tokens):
                return recognize.words(text)
            return Opaque(latex)

    def piece(self, tokens: list[Token]) -> Answer:
        """One piece of a longer answer."""
        letter = recognize.choice(recognize.plain(spell(tokens))) if len(tokens) < 4 else None
        if letter is not None:
            return Choice(letter)
        return self.deeper().answer(tokens, spell(tokens))

    def _several(self, pieces: list[list[Token]], joints: list[str]) -> Answer:
        if len(pieces) > _MAX_ITEMS:
            raise TooLarge
        kept = [piece for piece in pieces if not is_condition(piece)] or pieces
        if len(kept) == 1:
            return self.piece(kept[0])
        answers = _flat(self.piece(piece) for piece in kept)
        if all(isinstance(answer, Relation) and set(answer.signs) - {"="} for answer in answers):
            return Items(answers, "any" if "or" in joints else "all")
        if excluded := _excluded(answers):
            return Items(excluded, "all_but")
        return Items(answers, "list")

    def _single(self, tokens: list[Token]) -> Answer:
        if any(token.kind == "sym" and token.value in "∪∖∩" for token in tokens) and top(tokens, "∪∖"):
            return self._region(tokens)
        if len(tokens) == 1 and tokens[0].value == "ℝ":
            return _REALS
        if at := top(tokens, "∈"):
            return (
                _member(self.deeper()._single(tokens[at[0] + 1 :])) if is_name(tokens[: at[0]]) else _fail()
            )
        if at := top(tokens, "≈"):
            return self._approximation(cut(tokens, at))
        if at := top(tokens, "≡"):
            return self._congruence(tokens, at[0])
        if at := top(tokens, "=<>≤≥≠"):
            return self._relation(tokens, at)
        if at := top(tokens, ":"):
            return Ratio(tuple(Scalar(parse(part)) for part in cut(tokens, at)))
        if encloses(tokens):
            return self._bracketed(tokens)
        return self._scalar(tokens)

    def _approximation(self, sides: list[list[Token]]) -> Answer:
        """``\\frac{\\pi}{2} \\approx 1.57``: the first side, where the others are near it."""
        values = [Scalar(parse(side)) for side in sides]
        if not all(balls.close(values[0].value, value.value, _NEAR, relative=True) for value in values):
            raise Unparsable
        return values[0]

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
        sides = cut(tokens, at)
        signs = tuple(tokens[position].value for position in at)
        if not all(sides):
            raise Unparsable
        answers: list[Answer] = []
        for number, side in enumerate(sides):
            if number == 0 and signs[0] == "=" and is_label(side):
                answers.append(Scalar(Sym(spell(side))))
                continue
            answer = self.deeper()._single(side)
            answers.append(answer)
        return Relation(tuple(answers), signs)

    def _bracketed(self, tokens: list[Token]) -> Answer:
        opening, closing = tokens[0], tokens[-1]
        inside = tokens[1:-1]
        if opening.kind == "cmd":
            return self._set(inside)
        pieces, _ = split(inside)
        pair = opening.value + closing.value
        if len(pieces) == 2 and (pair in ("(]", "[)") or (pair in ("()", "[]") and is_infinite(pieces))):
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
        if bar := (top(inside, "|") or top(inside, ":")):
            head, condition = inside[: bar[0]], inside[bar[0] + 1 :]
            if not is_name([token for token in head if token.value not in "∈ℝR"]):
                raise Unparsable
            return self.deeper().answer(condition, spell(condition))
        pieces, _ = split(inside)
        if len(pieces) > _MAX_ITEMS:
            raise TooLarge
        return Items(_flat(self.piece(piece) for piece in pieces), "set")

    def _region(self, tokens: list[Token]) -> Answer:
        if at := top(tokens, "∖"):
            whole, removed = tokens[: at[0]], self.deeper()._single(tokens[at[0] + 1 :])
            if len(whole) != 1 or whole[0].value not in "ℝR" or not isinstance(removed, Items):
                raise Unparsable
            return Items(removed.items, "all_but")
        parts = [self.deeper()._single(part) for part in cut(tokens, top(tokens, "∪"))]
        spans: list[Span] = []
        for part in parts:
            spans += _spans(part)
        if all(span.low == span.high for span in spans):
            return Items(tuple(Scalar(span.low) for span in spans), "set")
        return Region(tuple(spans))

    def _scalar(self, tokens: list[Token]) -> Answer:
        value, unit = value_and_unit(tokens)
        if not isinstance(unit, str) and has_sign_choice(value):
            return Items(tuple(Scalar(branch, unit) for branch in branches(value)), "list")
        return Scalar(value, unit)


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
