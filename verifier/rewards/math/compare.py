"""Is the answer equal to the reference? Containers part by part, values stage by stage.

The reference decides what is asked: whether order counts, whether a unit is due, one value or several.
Every comparison answers yes or no; the furthest stage that had to be asked is kept for ``detail.method``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from verifier.rewards.math import balls, regions
from verifier.rewards.math.answers import (
    Answer,
    Choice,
    Clock,
    Congruence,
    Day,
    Items,
    Matrix,
    Numeral,
    Opaque,
    Ratio,
    Region,
    Relation,
    Scalar,
    Words,
)
from verifier.rewards.math.equations import assigned, is_quantity, name, named_value, same_name
from verifier.rewards.math.exact import Undefined, rational
from verifier.rewards.math.parameters import MathParameters
from verifier.rewards.math.read import Reading
from verifier.rewards.math.recognize import EMPTY, MAX_NUMERAL_DIGITS, plain, words
from verifier.rewards.math.syntax import Call, Const, Node, Num, Sym, TooLarge, mul, sub, symbols
from verifier.rewards.math.values import ValueComparison

_INEQUALITY = frozenset("<>≤≥≠")
_NEVER_SYMBOLIC = (Congruence, Words, Choice, Numeral, Ratio, Clock, Day)
_LARGEST_NUMERAL = 10**MAX_NUMERAL_DIGITS


class Ambiguous(Exception):
    """Several different values where one was asked for."""


class Comparison(ValueComparison):
    """One answer against one reference."""

    def __init__(self, reference: Reading, answer: Reading, parameters: MathParameters) -> None:
        super().__init__(parameters)
        self.reference = reference
        self.answer = answer

    def holds(self) -> bool:
        """Whether they are equal.

        Raises:
            Ambiguous: the answer gives several values, the reference one.
        """
        if self.reference.key == self.answer.key:
            return True
        if self.answer.unevaluated and not self.reference.unevaluated:
            self.reason = "unevaluated"
            return False
        try:
            return self.same(self.reference.answer, self.answer.answer)
        except (TooLarge, RecursionError):
            self.reason = "too_large"
        except Undefined:
            self.reason = "undefined"
        return False

    def same(self, reference: Answer, answer: Answer) -> bool:
        """Whether two answers of whatever kinds are equal."""
        if isinstance(reference, Opaque) or isinstance(answer, Opaque):
            return self._opaque(reference, answer)
        if isinstance(reference, Relation):
            return self._relation(reference, answer)
        if (
            isinstance(answer, Items)
            and answer.form == "list"
            and not isinstance(reference, (Items, Region, Matrix))
        ):
            return self._one_of_several(reference, answer)
        return _BY_KIND[type(reference)](self, reference, answer)

    # Kinds

    def scalar(self, reference: Scalar, answer: Answer) -> bool:
        """A number or expression."""
        if isinstance(answer, Scalar):
            return self.quantities(reference, answer)
        if isinstance(answer, Relation):
            return self._sides(reference, answer)
        if isinstance(answer, Items) and answer.form == "set" and len(answer.items) == 1:
            return self.same(reference, answer.items[0])
        if isinstance(answer, Choice) and answer.content is None:
            return reference == Scalar(Sym(answer.letter))
        if isinstance(answer, Ratio) and len(answer.parts) == 2:
            return self.same(reference, _quotient(answer))
        if isinstance(answer, Numeral) and answer.base == 10:
            return self.same(reference, Scalar(Num(Fraction(int(answer.digits)))))
        if isinstance(answer, Words) and answer.text.isdigit() and len(answer.text) < 3:
            return self.same(reference, Scalar(Num(Fraction(int(answer.text)))))
        return False

    def items(self, reference: Items, answer: Answer) -> bool:
        """Several values; in order where the reference has brackets, else in any order."""
        if reference.form in ("any", "all", "all_but"):
            return self.region(reference, answer)
        if isinstance(answer, Items) and answer.form in ("any", "all", "all_but"):
            return self._as_regions(reference, answer)
        if isinstance(answer, (Region, Relation)) and reference.form in ("tuple", "bracket"):
            if isinstance(answer, Relation) and isinstance(value := named_value(answer), Items):
                return self.items(reference, value)
            return self._as_regions(reference, answer)
        if isinstance(answer, Relation):
            return (value := named_value(answer)) is not None and self.same(reference, value)
        if isinstance(answer, Matrix):
            return reference.form in ("tuple", "bracket") and self._vector(answer, reference.items, flip=True)
        if not isinstance(answer, Items):
            return len(reference.items) == 1 and self.same(reference.items[0], answer)
        return self._collections(reference, answer)

    def region(self, reference: Region | Items, answer: Answer) -> bool:
        """A part of the real line."""
        if isinstance(reference, Region) and not reference.spans:
            return _is_empty(answer)
        if isinstance(answer, Items) and answer.form in ("list", "set"):
            return False
        return self._as_regions(reference, answer)

    def matrix(self, reference: Matrix, answer: Answer) -> bool:
        """Element by element; a column may be written as a tuple."""
        if isinstance(answer, Relation):
            return (value := named_value(answer)) is not None and self.same(reference, value)
        if isinstance(answer, Items) and answer.form in ("tuple", "bracket"):
            if all(isinstance(row, Items) and row.form == answer.form for row in answer.items):
                return self.matrix(reference, Matrix(tuple(row.items for row in answer.items)))  # type: ignore[union-attr]
            return self._vector(reference, answer.items, flip=False)
        if not isinstance(answer, Matrix) or len(reference.rows) != len(answer.rows):
            return False
        return all(self._row(mine, theirs) for mine, theirs in zip(reference.rows, answer.rows, strict=True))

    def congruence(self, reference: Congruence, answer: Answer) -> bool:
        """Equal sides and moduli, the residues up to a multiple of the modulus."""
        if not isinstance(answer, Congruence):
            return False
        if not (self.same(reference.left, answer.left) and self.same(reference.modulus, answer.modulus)):
            return False
        modulus, mine, theirs = (
            rational(_node(n)) for n in (reference.modulus, reference.residue, answer.residue)
        )
        if modulus and mine is not None and theirs is not None:
            return (mine - theirs) % modulus == 0
        return self.same(reference.residue, answer.residue)

    def choice(self, reference: Choice, answer: Answer) -> bool:
        """The letter; or, where the reference gives its text, that."""
        if isinstance(answer, Choice):
            return reference.letter == answer.letter
        if _letter(answer) == reference.letter:
            return True
        if isinstance(answer, Relation):
            return (value := named_value(answer)) is not None and self.same(reference, value)
        return reference.content is not None and self.same(reference.content, answer)

    def words(self, reference: Words, answer: Answer) -> bool:
        """Text in one form."""
        if isinstance(answer, Words):
            return reference.text == answer.text or (reference.text in EMPTY and answer.text in EMPTY)
        if isinstance(answer, Region) and not answer.spans:
            return reference.text in EMPTY
        if reference.text.isdigit():
            return self.scalar(Scalar(Num(Fraction(int(reference.text)))), answer)
        if isinstance(answer, Choice) and answer.content is not None:
            return self.same(reference, answer.content)
        return words(plain(self.answer.latex)) == reference

    def numeral(self, reference: Numeral, answer: Answer) -> bool:
        """Digits and base; the base may be left out where units may."""
        if isinstance(answer, Numeral):
            return reference == answer
        if isinstance(answer, Scalar) and answer.unit is None:
            if reference.base != 10 and self.parameters.units == "require":
                return False
            value = rational(answer.value)
            is_small = value is not None and abs(value) < _LARGEST_NUMERAL
            return reference.digits in (str(value) if is_small else "", self.answer.key.upper())
        if isinstance(answer, Words):
            return self.parameters.units == "ignore" and answer.text.upper() == reference.digits
        named = named_value(answer) if isinstance(answer, Relation) else None
        return named is not None and self.same(reference, named)

    def ratio(self, reference: Ratio, answer: Answer) -> bool:
        """Proportional parts; of two parts also their quotient."""
        if isinstance(answer, Clock):
            answer = _clock_ratio(answer)
        if isinstance(answer, Ratio):
            if len(reference.parts) != len(answer.parts):
                return False
            first, second = _node(reference.parts[0]), _node(answer.parts[0])
            return all(
                self.values(mul(_node(mine), second), mul(_node(theirs), first))
                for mine, theirs in zip(reference.parts[1:], answer.parts[1:], strict=True)
            )
        return len(reference.parts) == 2 and self.same(_quotient(reference), answer)

    def clock(self, reference: Clock, answer: Answer) -> bool:
        """The same time of day."""
        if isinstance(answer, Ratio):
            return reference.half is None and self.ratio(_clock_ratio(reference), answer)
        if not isinstance(answer, Clock) or reference.minute != answer.minute:
            return False
        if reference.half is None and answer.half is None:
            return reference.hour == answer.hour
        if reference.half is None or answer.half is None:
            timed, bare = (reference, answer) if reference.half else (answer, reference)
            if bare.hour > 12 or bare.hour == 0:
                return _hour(timed) == bare.hour
            return timed.hour == bare.hour and (answer is timed or self.parameters.units == "ignore")
        return _hour(reference) == _hour(answer)

    def day(self, reference: Day, answer: Answer) -> bool:
        """The same date; a year that only one side has says nothing."""
        if not isinstance(answer, Day):
            return False
        years = {day.year for day in (reference, answer)} - {None}
        return (reference.month, reference.day) == (answer.month, answer.day) and len(years) < 2

    # Parts of the above

    def _one_of_several(self, reference: Answer, answer: Items) -> bool:
        """Several values for one: the same one several times, or hedging."""
        if all(self.same(reference, item) for item in answer.items):
            return True
        raise Ambiguous

    def _collections(self, reference: Items, answer: Items) -> bool:
        (names, mine), (their_names, theirs) = assigned(reference), assigned(answer)
        if names:
            return answer.form != "set" and their_names in ([], names) and self._row(mine, theirs)
        if reference.form == "set" and answer.form in ("set", "list"):
            mine, theirs = self._distinct(mine), self._distinct(theirs)
        if len(mine) != len(theirs):
            return False
        forms = {reference.form, answer.form}
        if forms & {"tuple", "bracket"}:
            is_pair_of_kinds = len(mine) == 2 and forms == {"tuple", "bracket"}
            return "set" not in forms and not is_pair_of_kinds and self._row(mine, theirs)
        return self._in_any_order(mine, theirs)

    def _in_any_order(self, mine: list[Answer], theirs: list[Answer]) -> bool:
        """A one-to-one match; equality is an equivalence, so the first that fits will do."""
        if len(mine) > 40:
            raise TooLarge
        left = list(theirs)
        for value in mine:
            for number, other in enumerate(left):
                if self._quietly_same(value, other):
                    del left[number]
                    break
            else:
                return False
        return True

    def _quietly_same(self, reference: Answer, answer: Answer) -> bool:
        try:
            return self.same(reference, answer)
        except Ambiguous:
            return False

    def _distinct(self, values: list[Answer]) -> list[Answer]:
        if len(values) > 40:
            raise TooLarge
        kept: list[Answer] = []
        for value in values:
            if not any(self._quietly_same(value, other) for other in kept):
                kept.append(value)
        return kept

    def _as_regions(self, reference: Answer, answer: Answer) -> bool:
        mine = regions.region(reference)
        theirs = regions.region(answer)
        if mine is None or theirs is None:
            if isinstance(reference, Relation) and isinstance(answer, (Relation, Region)):
                return self._opaque(reference, answer)
            return False
        return regions.same(mine, theirs, self.values)

    def _relation(self, reference: Relation, answer: Answer) -> bool:
        if set(reference.signs) & _INEQUALITY:
            if isinstance(answer, Relation) and self._multiples(reference, answer):
                return True
            if not isinstance(answer, (Relation, Region, Items)) or getattr(answer, "form", "") in (
                "list",
                "set",
            ):
                return False
            return self._as_regions(reference, answer)
        value = reference.sides[-1]
        named = name(reference)
        if not isinstance(answer, Relation):
            if isinstance(answer, Items) and answer.form == "list" and not isinstance(value, Items):
                return self._one_of_several(reference, answer)
            return named is not None and self.same(value, answer)
        if set(answer.signs) & _INEQUALITY:
            return False
        their_name = name(answer)
        if named is not None and their_name is not None:
            if same_name(named, their_name):
                return self._chain(value, answer.sides[1:])
            return self._multiples(reference, answer)
        return self._multiples(reference, answer)

    def _sides(self, reference: Scalar, answer: Relation) -> bool:
        """``x = 5`` for 5, ``2 + 3 = 5`` for 5; not ``6 = 5``."""
        if set(answer.signs) != {"="}:
            return False
        first = answer.sides[0]
        named = name(answer) is not None or (isinstance(first, Scalar) and is_quantity(first.value))
        sides = answer.sides[1:] if named else answer.sides
        last = sides[-1]
        if not named and isinstance(last, Scalar) and isinstance(last.value, Sym):
            sides = sides[:-1]
        return self._chain(reference, sides)

    def _chain(self, reference: Answer, sides: Sequence[Answer]) -> bool:
        return all(self.same(reference, side) for side in reversed(sides))

    def _multiples(self, reference: Relation, answer: Relation) -> bool:
        """Whether both say the same of the same difference: ``y = 2x + 1`` and ``2x - y + 1 = 0``."""
        if len(reference.sides) != 2 or len(answer.sides) != 2:
            return False
        sides = (*reference.sides, *answer.sides)
        if not all(isinstance(side, Scalar) for side in sides):
            return False
        mine = sub(_node(sides[0]), _node(sides[1]))
        theirs = sub(_node(sides[2]), _node(sides[3]))
        if symbols(mine) != symbols(theirs):
            return False
        sign = balls.ratio_sign(mine, theirs)
        self.reached("balls")
        if sign is None:
            return False
        if reference.signs == answer.signs and (sign > 0 or reference.signs[0] in "=≠"):
            return True
        return sign < 0 and reference.signs[0] == {"<": ">", ">": "<", "≤": "≥", "≥": "≤"}.get(
            answer.signs[0]
        )

    def _vector(self, matrix: Matrix, items: Sequence[Answer], flip: bool) -> bool:
        if len(matrix.rows[0]) == 1:
            cells = [row[0] for row in matrix.rows]
        elif len(matrix.rows) == 1:
            cells = list(matrix.rows[0])
        else:
            return False
        if len(cells) != len(items):
            return False
        pairs = zip(items, cells, strict=True) if flip else zip(cells, items, strict=True)
        return all(self.same(mine, theirs) for mine, theirs in pairs)

    def _row(self, mine: Sequence[Answer], theirs: Sequence[Answer]) -> bool:
        return len(mine) == len(theirs) and all(self.same(a, b) for a, b in zip(mine, theirs, strict=True))

    def _opaque(self, reference: Answer, answer: Answer) -> bool:
        """What the grammar does not know goes to the last stage, as the whole texts; parts of them do not."""
        from verifier.rewards.math import symbolic

        if reference is not self.reference.answer or answer is not self.answer.answer:
            return reference == answer
        if isinstance(reference, _NEVER_SYMBOLIC) or isinstance(answer, _NEVER_SYMBOLIC):
            return False
        self.reached("symbolic")
        equal = symbolic.equal(self.reference.text, self.answer.text)
        if equal is None:
            self.reason = self.reason or "unreadable"
        return bool(equal)


_BY_KIND: dict[type[Answer], Callable[[Comparison, Any, Answer], bool]] = {
    Scalar: Comparison.scalar,
    Items: Comparison.items,
    Region: Comparison.region,
    Matrix: Comparison.matrix,
    Congruence: Comparison.congruence,
    Choice: Comparison.choice,
    Words: Comparison.words,
    Numeral: Comparison.numeral,
    Ratio: Comparison.ratio,
    Clock: Comparison.clock,
    Day: Comparison.day,
}


def _letter(answer: Answer) -> str | None:
    """The letter, in upper case, of an answer that was read as a mere variable."""
    if isinstance(answer, Scalar) and isinstance(answer.value, (Sym, Const)) and answer.unit is None:
        return answer.value.name.upper()
    return None


def _node(answer: Answer) -> Node:
    assert isinstance(answer, Scalar)
    return answer.value


def _is_empty(answer: Answer) -> bool:
    if isinstance(answer, Words):
        return answer.text in EMPTY
    return isinstance(answer, Region) and not answer.spans


def _quotient(ratio: Ratio) -> Scalar:
    return Scalar(Call("div", (_node(ratio.parts[0]), _node(ratio.parts[1]))))


def _clock_ratio(clock: Clock) -> Ratio:
    return Ratio((Scalar(Num(Fraction(clock.hour))), Scalar(Num(Fraction(clock.minute)))))


def _hour(clock: Clock) -> int:
    """On the clock of 24 hours."""
    return clock.hour % 12 + (12 if clock.half == "pm" else 0)
