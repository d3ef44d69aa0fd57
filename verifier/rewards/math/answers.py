"""What an answer can be: one small class a kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from verifier.rewards.math.syntax import Node
from verifier.rewards.math.units import Unit


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number or an expression, with its unit."""

    value: Node
    unit: Unit | str | None = None
    """A known unit, other words after the number, or nothing."""
    kind: ClassVar[str] = "expression"


@dataclass(frozen=True, slots=True)
class Items:
    """Several values. ``form``: ``list`` (bare), ``set``, ``tuple`` (round), ``bracket`` (square); of regions
    ``any``, ``all``, and ``all_but`` (the real line without them)."""

    items: tuple[Answer, ...]
    form: str
    kind: ClassVar[str] = "list"


@dataclass(frozen=True, slots=True)
class Span:
    """An interval of the real line."""

    low: Node
    high: Node
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True, slots=True)
class Region:
    """A union of intervals."""

    spans: tuple[Span, ...]
    kind: ClassVar[str] = "interval"


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of expressions; a vector is a matrix of one column."""

    rows: tuple[tuple[Answer, ...], ...]
    kind: ClassVar[str] = "matrix"


@dataclass(frozen=True, slots=True)
class Relation:
    """Sides with ``=``, ``<``, ``≤``, ``>``, ``≥``, ``≠`` between them."""

    sides: tuple[Answer, ...]
    signs: tuple[str, ...]
    kind: ClassVar[str] = "equation"


@dataclass(frozen=True, slots=True)
class Congruence:
    """``left = residue (mod modulus)``."""

    left: Answer
    residue: Answer
    modulus: Answer
    kind: ClassVar[str] = "congruence"


@dataclass(frozen=True, slots=True)
class Choice:
    """A letter of multiple choice, and the text of that choice where it is given."""

    letter: str
    content: Answer | None = None
    kind: ClassVar[str] = "choice"


@dataclass(frozen=True, slots=True)
class Words:
    """Text, in one form: lower case, without articles and punctuation."""

    text: str
    kind: ClassVar[str] = "text"


@dataclass(frozen=True, slots=True)
class Numeral:
    """Digits in a stated base."""

    digits: str
    base: int
    kind: ClassVar[str] = "base_n"


@dataclass(frozen=True, slots=True)
class Ratio:
    """``2:3``."""

    parts: tuple[Answer, ...]
    kind: ClassVar[str] = "ratio"


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day; without ``half`` (``am``, ``pm``) and hour below 13 it may be either, or a ratio."""

    hour: int
    minute: int
    half: str | None
    kind: ClassVar[str] = "time"


@dataclass(frozen=True, slots=True)
class Day:
    """A date; the year may be left out."""

    year: int | None
    month: int
    day: int
    kind: ClassVar[str] = "date"


@dataclass(frozen=True, slots=True)
class Opaque:
    """Mathematics outside the grammar: left to the symbolic stage."""

    latex: str
    kind: ClassVar[str] = "other"


Answer = (
    Congruence
    | Scalar
    | Items
    | Region
    | Matrix
    | Relation
    | Choice
    | Words
    | Numeral
    | Ratio
    | Clock
    | Day
    | Opaque
)
