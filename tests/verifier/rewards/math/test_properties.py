"""Equality as it must be: reflexive, symmetric, blind to formatting, and never against the numbers."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from verifier.errors import ItemInvalid
from verifier.rewards.base import Sample
from verifier.rewards.math import MathReward, balls
from verifier.rewards.math.exact import rational
from verifier.rewards.math.notation import normalize
from verifier.rewards.math.parameters import MathParameters
from verifier.rewards.math.parse import parse
from verifier.rewards.math.read import read
from verifier.rewards.math.tokens import tokenize

PARAMETERS = MathParameters(type="math")
REWARD = MathReward()


def is_equal(reference: str, answer: str) -> bool:
    sample = Sample(completion=f"\\boxed{{{answer}}}", reference={"answer": reference})
    return REWARD.score(sample, PARAMETERS).value == 1.0


integers = st.integers(-(10**12), 10**12)
rationals = st.fractions(max_denominator=10**6)
NAMES = "xyzkmn"
"""None of the letters of multiple choice: ``(a)`` is an option, not an expression in brackets."""
names = st.sampled_from(NAMES)
atoms = st.one_of(st.integers(0, 99).map(str), names, st.sampled_from([r"\pi", "e", r"\sqrt{2}", r"\alpha"]))


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({}+{})".format, inner, inner),
        st.builds("({}-{})".format, inner, inner),
        st.builds(r"{}\cdot {}".format, inner, inner),
        st.builds(r"\frac{{{}}}{{({})^2+7}}".format, inner, inner),
        st.builds("({})^{}".format, inner, st.integers(0, 4)),
        st.builds(r"\sqrt{{({})^2+1}}".format, inner),
        st.builds(r"\sin({})".format, inner),
    )


expressions = st.recursive(atoms, _combined, max_leaves=6)
"""LaTeX of expressions that have a value at almost every point."""


@given(expressions)
@settings(max_examples=150, deadline=None)
def test_an_expression_equals_itself(latex: str) -> None:
    assert is_equal(latex, latex)
    assert is_equal(latex, f"({latex})+0")


@given(expressions, expressions)
@settings(max_examples=150, deadline=None)
def test_equality_is_symmetric(first: str, second: str) -> None:
    assert is_equal(first, second) == is_equal(second, first)


@given(expressions, expressions)
@settings(max_examples=150, deadline=None)
def test_what_differs_at_a_point_is_never_equal(first: str, second: str) -> None:
    """The judgement against a plain evaluation in floats, which shares no code with it."""
    values = []
    for latex in (first, second):
        node = parse(tokenize(normalize(latex)))
        with balls.flint.ctx.workprec(200):
            point = {name: balls.acb(balls.fmpq(number, 17)) for number, name in enumerate(NAMES, 3)}
            values.append(complex(balls.value(node, point | {"alpha": balls.acb(1.25)})))

    if abs(values[0] - values[1]) > 1e-6 * (1 + abs(values[0])):
        assert not is_equal(first, second)


FORMATS = [
    "${}$",
    r"\({}\)",
    " {} ",
    r"\,{}\,",
    r"\displaystyle {}",
    r"\left({}\right)",
    "{{{}}}",
    "{}.",
    r"\boxed{{{}}}",
    "\u200b{}",
]


@given(expressions, st.sampled_from(FORMATS))
@settings(max_examples=150, deadline=None)
def test_formatting_changes_nothing(latex: str, form: str) -> None:
    assume(latex != "e" or "left" not in form)  # ``(e)`` is an option
    assert is_equal(latex, form.format(latex))


@given(expressions)
@settings(max_examples=100, deadline=None)
def test_spelling_changes_nothing(latex: str) -> None:
    other = latex.replace(r"\frac", r"\dfrac").replace(r"\cdot", "×").replace("-", "−").replace(r"\pi", "π")

    assert is_equal(latex, other.replace("+", " + ").replace(r"\sqrt{2}", "√2"))


@given(rationals)
@settings(max_examples=200, deadline=None)
def test_a_fraction_has_many_forms(value: Fraction) -> None:
    reference = rf"\frac{{{value.numerator}}}{{{value.denominator}}}"

    assert is_equal(reference, f"{value.numerator}/{value.denominator}")
    assert is_equal(reference, rf"\frac{{{3 * value.numerator}}}{{{3 * value.denominator}}}")
    assert not is_equal(reference, rf"\frac{{{value.numerator + 1}}}{{{value.denominator}}}")
    assert not is_equal(reference, rf"\frac{{{value.numerator}}}{{{value.denominator + 1}}}") or value == 0


@given(integers)
@settings(max_examples=200, deadline=None)
def test_an_integer_has_many_forms_and_no_neighbour(value: int) -> None:
    for form in ("{}", "{:,}", "{}.0", "{}.", "{}/1"):
        assert is_equal(str(value), form.format(value))
    for other in (value + 1, value - 1, -value if value else 1, value * 10 if value else 2):
        assert not is_equal(str(value), str(other))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-1000, max_value=1000))
@settings(max_examples=200, deadline=None)
def test_a_decimal_is_its_exact_value(value: object) -> None:
    literal = f"{value:f}"

    assert rational(parse(tokenize(normalize(literal)))) == Fraction(literal)
    assert is_equal(literal, literal + "0")
    assert not is_equal(literal, literal + "1") or (float(literal) == 0 and "." not in literal)


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=6), st.randoms())
@settings(max_examples=100, deadline=None)
def test_order_counts_in_tuples_and_not_in_sets(values: list[int], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    row, other = ", ".join(map(str, values)), ", ".join(map(str, shuffled))

    assert is_equal(rf"\{{{row}\}}", rf"\{{{other}\}}")
    assert is_equal(f"({row})", f"({other})") == (values == shuffled)


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_judged_or_refused(text: str) -> None:
    score = REWARD.score(Sample(completion=f"\\boxed{{{text}}}", reference={"answer": "5"}), PARAMETERS)

    assert score.value in (0.0, 1.0)


@given(st.text(alphabet=r"0123456789xyzie\{}()[]^_+-*/=<>,.:;!%$ '|&~√²½π∞±", max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_notation_is_judged_or_refused_on_either_side(text: str) -> None:
    try:
        score = REWARD.score(
            Sample(completion=f"<answer>{text}</answer>", reference={"answer": text}), PARAMETERS
        )
    except ItemInvalid:
        return
    assert score.value in (0.0, 1.0)


@pytest.mark.parametrize("bits", [10, 100, 1000, 10_000])
def test_neighbours_differ_at_any_size(bits: int) -> None:
    assert is_equal(str(2**bits) if bits < 1000 else f"2^{{{bits}}}", f"2^{{{bits}}}")
    assert not is_equal(f"2^{{{bits}}}", f"2^{{{bits}}}+1")


@given(st.integers(min_value=-(10**18) + 1, max_value=10**18 - 1))
def test_a_plain_integer_is_read_as_the_grammar_reads_it(number: int) -> None:
    plain, grammar = read(str(number)), read(f"${number}$")
    assert plain.answer == grammar.answer
    assert (plain.key, plain.unevaluated) == (grammar.key, grammar.unevaluated)
