"""Two values: their units, the tolerance that was asked for, and the stages ``exact`` and ``balls``."""

from __future__ import annotations

from fractions import Fraction

from verifier.rewards.math import balls, regions
from verifier.rewards.math.answers import Scalar
from verifier.rewards.math.exact import rational
from verifier.rewards.math.parameters import MathParameters
from verifier.rewards.math.syntax import Call, Const, Node, Num, Sym, add, mul, sub, symbols
from verifier.rewards.math.units import Unit

STAGES = ("exact", "balls", "symbolic")
_CONSTANTS = frozenset({"C", "c", "K"})


class ValueComparison:
    """Compares values, and keeps the furthest stage that had to be asked and why something was refused."""

    def __init__(self, parameters: MathParameters) -> None:
        self.parameters = parameters
        self.stage = "exact"
        self.reason: str | None = None

    def reached(self, stage: str) -> None:
        if STAGES.index(stage) > STAGES.index(self.stage):
            self.stage = stage

    def quantities(self, reference: Scalar, answer: Scalar) -> bool:
        mine, theirs = reference.unit, answer.unit
        if (isinstance(mine, Unit) and mine.is_number) or (isinstance(theirs, Unit) and theirs.is_number):
            return self._scaled(reference, answer)
        if mine is None or theirs is None:
            if mine is not theirs and self.parameters.units == "require":
                self.reason = "unit"
                return False
            return self.values(reference.value, answer.value)
        if isinstance(mine, Unit) and isinstance(theirs, Unit):
            return self._converted(reference, answer, mine, theirs)
        if mine != theirs:
            self.reason = "unit"
            return False
        return self.values(reference.value, answer.value)

    def _converted(self, reference: Scalar, answer: Scalar, mine: Unit, theirs: Unit) -> bool:
        if mine.dimension != theirs.dimension:
            self.reason = "unit"
            return False
        if mine == theirs:
            return self.values(reference.value, answer.value)
        return self.values(_in_base_units(reference.value, mine), _in_base_units(answer.value, theirs))

    def _scaled(self, reference: Scalar, answer: Scalar) -> bool:
        """``50%`` for 0.5 and ``30°`` for pi/6; where units may be left out, also for 50 and 30."""
        units = [unit for unit in (reference.unit, answer.unit) if unit is not None]
        if not all(isinstance(unit, Unit) and unit.is_number for unit in units):
            self.reason = "unit"
            return False
        if self.values(
            _in_base_units(reference.value, reference.unit), _in_base_units(answer.value, answer.unit)
        ):
            return True
        if len(units) == 2 or self.parameters.units == "require":
            return False
        return self.values(reference.value, answer.value)

    def values(self, reference: Node, answer: Node) -> bool:
        """Whether two expressions have the same value, within the tolerance that was asked for."""
        if reference == answer:
            return True
        if regions.infinity(reference) or regions.infinity(answer):
            return regions.infinity(reference) == regions.infinity(answer)
        constant = _integration_constant(reference)
        if constant is not None:
            return self._antiderivatives(reference, constant, answer)
        mine, theirs = rational(reference), rational(answer)
        if mine is not None and theirs is not None and mine == theirs:
            return True
        if self._is_close(reference, answer):
            return True
        if mine is not None and theirs is not None:
            return False
        self.reached("balls")
        equal = balls.equal(reference, answer)
        if equal is None:
            self.reason = self.reason or "undecided"
        return bool(equal)

    def _antiderivatives(self, reference: Node, constant: Sym, answer: Node) -> bool:
        """Whether both are the same up to a constant, which only ``integration_constant`` may leave out."""
        theirs = _integration_constant(answer)
        if theirs is None and (
            self.parameters.integration_constant == "require" or constant.name in symbols(answer)
        ):
            return False
        rest = answer if theirs is None else _put_zero(answer, theirs)
        self.reached("balls")
        return balls.is_constant(sub(_put_zero(reference, constant), rest))

    def _is_close(self, reference: Node, answer: Node) -> bool:
        tolerance = self.parameters.tolerance
        if tolerance == "exact" or symbols(reference) or symbols(answer):
            return False
        if isinstance(tolerance, float):
            error, relative = Fraction(tolerance), True
        else:
            literal = (
                reference.args[0] if isinstance(reference, Call) and reference.name == "neg" else reference
            )
            if not isinstance(literal, Num) or not literal.places:
                return False
            error, relative = Fraction(1, 2 * 10**literal.places), False
        self.reached("balls")
        return balls.close(reference, answer, error, relative)


def _in_base_units(value: Node, unit: Unit | str | None) -> Node:
    if not isinstance(unit, Unit):
        return value
    shifted = add(value, Num(unit.offset)) if unit.offset else value
    scaled = mul(shifted, Num(unit.size))
    return mul(scaled, Const("deg")) if unit.degrees else scaled


def _integration_constant(node: Node) -> Sym | None:
    """The ``C`` of ``… + C``: a term of its own in a sum with other variables, and nowhere else."""
    if not (isinstance(node, Call) and node.name == "add"):
        return None
    terms = _terms(node)
    found = [term for term in terms if isinstance(term, Sym) and term.name in _CONSTANTS]
    if (
        len(found) != 1
        or sum(found[0].name in symbols(term) for term in terms) != 1
        or len(symbols(node)) < 2
    ):
        return None
    return found[0]


def _terms(node: Node) -> list[Node]:
    if isinstance(node, Call) and node.name == "add":
        return [term for argument in node.args for term in _terms(argument)]
    return [node]


def _put_zero(node: Node, name: Sym) -> Node:
    if node == name:
        return Num(Fraction(0))
    if isinstance(node, Call):
        return Call(node.name, tuple(_put_zero(argument, name) for argument in node.args))
    return node
