"""What the reward says of a completion: verdict, detail, and how its parameters change that."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.base import Sample, Score
from verifier.rewards.math import MathReward
from verifier.rewards.math.parameters import MathParameters
from verifier.schema import Verdict


def judge(completion: str, answer: Any, **parameters: Any) -> Score:
    sample = Sample(completion=completion, reference={"answer": answer})
    return MathReward().score(sample, MathParameters(type="math", **parameters))


def boxed(answer: str, reference: Any, **parameters: Any) -> bool:
    return judge(f"\\boxed{{{answer}}}", reference, **parameters).value == 1.0


def test_a_right_answer_scores_one_and_says_why() -> None:
    score = judge(r"So \boxed{3/4}.", r"\frac{3}{4}")

    assert (score.value, score.verdict) == (1.0, Verdict.CORRECT)
    assert score.detail == {
        "extracted": "3/4",
        "reference": r"\frac{3}{4}",
        "source": "boxed",
        "kind": "number",
        "reference_kind": "number",
        "method": "exact",
    }


def test_a_wrong_answer_scores_zero() -> None:
    score = judge(r"\boxed{2/3}", r"\frac{3}{4}")

    assert (score.value, score.verdict) == (0.0, Verdict.INCORRECT)


def test_without_an_answer_the_verdict_says_so() -> None:
    score = judge("I do not know.", "5")

    assert (score.value, score.verdict) == (0.0, Verdict.NO_ANSWER)
    assert score.detail["extracted"] is None
    assert score.detail["method"] == "extract"


@pytest.mark.parametrize(
    "completion",
    [
        r"\boxed{3} or \boxed{5}",
        r"\boxed{3, 5}",
        r"\boxed{3 \text{ or } 5}",
        r"First \boxed{5}. No, wait: \boxed{3}.",
        "The answer is 3. The answer is 5.",
        "<answer>3</answer><answer>5</answer>",
        " ".join(f"\\boxed{{{number}}}." for number in range(40)),
    ],
)
def test_several_different_answers_are_ambiguous(completion: str) -> None:
    score = judge(completion, "3")

    assert (score.value, score.verdict) == (0.0, Verdict.AMBIGUOUS)
    assert score.detail["reason"] == "ambiguous"


def test_the_same_answer_in_two_forms_is_one_answer() -> None:
    assert judge(r"\boxed{1/2}, that is: it comes to \boxed{0.5}", "0.5").value == 1.0


def test_the_last_of_several_counts_where_the_operator_says_so() -> None:
    completion = r"First \boxed{5}. No, wait: \boxed{3}."

    assert judge(completion, "3", require_single_answer=False).value == 1.0
    assert judge(completion, "5", require_single_answer=False).value == 0.0


def test_any_of_several_references_will_do() -> None:
    score = judge(r"\boxed{4}", ["3", "2^2"])

    assert score.value == 1.0
    assert score.detail["reference"] == "2^2"
    assert not boxed("5", ["3", "2^2"])


@pytest.mark.parametrize(
    "reference",
    [
        "42",
        "$42$",
        r"\(42\)",
        r"\boxed{42}",
        r"We add. So the answer is $\boxed{42}$.",
        "Add.\n#### 42",
        "42.",
        " 42\n",
    ],
)
def test_references_come_in_many_forms(reference: str) -> None:
    assert boxed("42", reference)
    assert not boxed("43", reference)


def test_how_a_reference_is_extracted_can_be_said() -> None:
    solution = "Some work with 7.\n#### 42"

    assert boxed("42", solution, extract_reference="hash")
    with pytest.raises(ItemInvalid):
        boxed("42", solution, extract_reference="boxed")


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "  ",
        "?",
        r"\boxed{}",
        r"\ldots",
        r"\frac{1}{0}",
        "1" * 20_000,
        "(" * 500,
        r"\frac{a}{",
        "10^{10^{10}}",
    ],
)
def test_a_reference_that_cannot_be_read_is_invalid_and_never_a_score(reference: str) -> None:
    with pytest.raises(ItemInvalid) as raised:
        boxed("5", reference)

    assert raised.value.code is ErrorCode.UNUSABLE_REFERENCE


@pytest.mark.parametrize("answer", [None, 5, [], ["5", 6], {"value": 5}])
def test_a_reference_of_another_shape_is_invalid(answer: Any) -> None:
    with pytest.raises(ItemInvalid) as raised:
        boxed("5", answer)

    assert raised.value.code is ErrorCode.UNUSABLE_REFERENCE


def test_a_missing_reference_is_invalid() -> None:
    with pytest.raises(ItemInvalid) as raised:
        MathReward().score(Sample(completion="5"), MathParameters(type="math"))

    assert raised.value.code is ErrorCode.MISSING_REFERENCE


@pytest.mark.parametrize(
    ("reference", "answer", "tolerance", "right"),
    [
        (r"\frac13", "0.333", "exact", False),
        (r"\frac13", "0.333", "stated", False),  # the reference states no precision
        ("0.333", r"\frac13", "stated", True),
        ("0.333", r"\frac13", "exact", False),
        ("3.14", r"\pi", "stated", True),
        ("3.14", "3.15", "stated", False),
        ("-2.5", "-2.46", "stated", True),
        ("-2.5", "-2.44", "stated", False),
        ("100", "100.4", "stated", False),
        (r"\sqrt{2}", "1.414", 0.001, True),
        (r"\sqrt{2}", "1.414", 0.0001, False),
        ("1000", "1001", 0.01, True),
        ("0.0000001", "0.0000002", 0.01, False),
        ("0", "0.0001", 0.01, False),
        ("x+1", "x+1.001", 0.01, False),
        ("(1, 2)", "(1.001, 2)", 0.01, True),
    ],
)
def test_tolerance(reference: str, answer: str, tolerance: Any, right: bool) -> None:
    assert boxed(answer, reference, tolerance=tolerance) is right


@pytest.mark.parametrize(
    ("reference", "answer", "ignored", "required"),
    [
        (r"15\text{ cm}", "15", True, False),
        ("15", r"15\text{ cm}", True, False),
        (r"15\text{ cm}", r"0.15\text{ m}", True, True),
        (r"15\text{ cm}", r"15\text{ m}", False, False),
        (r"50\%", "50", True, False),
        (r"50\%", "0.5", True, True),
        (r"45^\circ", "45", True, False),
        (r"1011_2", "1011", True, False),
    ],
)
def test_units(reference: str, answer: str, ignored: bool, required: bool) -> None:
    assert boxed(answer, reference, units="ignore") is ignored
    assert boxed(answer, reference, units="require") is required


def test_the_constant_of_integration() -> None:
    assert not boxed(r"\frac{x^2}{2}", r"\frac{x^2}{2}+C")
    assert boxed(r"\frac{x^2}{2}", r"\frac{x^2}{2}+C", integration_constant="ignore")
    assert not boxed("x^2", r"\frac{x^2}{2}+C", integration_constant="ignore")


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        (r"\boxed{\int_0^5 dx}", "unevaluated"),
        (r"\boxed{\sum_{n=1}^{5} 1}", "unevaluated"),
        (r"\boxed{\frac{5}{0}}", "undefined"),
        (r"\boxed{100000000!}", "too_large"),
        (r"\boxed{" + "9" * 50_000 + "}", "too_large"),
        (r"\boxed{5 \text{ cm}}", "unit"),
    ],
)
def test_detail_says_why_an_answer_was_refused(completion: str, reason: str) -> None:
    score = judge(completion, r"5\text{ kg}" if reason == "unit" else "5")

    assert score.value == 0.0
    assert score.detail["reason"] == reason


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("5", "number"),
        ("x+1", "expression"),
        ("(1,2)", "tuple"),
        (r"\{1,2\}", "set"),
        ("1,2", "list"),
        ("(1,2]", "interval"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", "matrix"),
        ("y=2x+1", "equation"),
        ("x>2", "inequality"),
        ("B", "choice"),
        (r"\text{Monday}", "text"),
        (r"5\text{ cm}", "unit"),
        (r"50\%", "unit"),
        ("1011_2", "base_n"),
        ("3:30 PM", "time"),
        ("July 4, 1776", "date"),
        ("2:3", "ratio"),
        (r"\int_0^1 x\,dx", "other"),
    ],
)
def test_both_sides_are_read_as_a_kind(answer: str, kind: str) -> None:
    detail = judge(f"\\boxed{{{answer}}}", answer).detail

    assert (detail["kind"], detail["reference_kind"]) == (kind, kind)


@pytest.mark.parametrize(
    ("answer", "reference", "stage"),
    [
        ("0.5", r"\frac12", "exact"),
        (r"\sqrt{12}", r"2\sqrt{3}", "balls"),
        (r"\int_0^1 t^2\,dt", r"\int_0^1 x^2\,dx", "symbolic"),
    ],
)
def test_detail_names_the_stage_that_decided(answer: str, reference: str, stage: str) -> None:
    assert judge(f"\\boxed{{{answer}}}", reference).detail["method"] == stage


def test_only_what_follows_the_reasoning_counts() -> None:
    assert judge(r"<think>\boxed{5}</think> \boxed{6}", "6").value == 1.0
    assert judge(r"<think>\boxed{6}</think> \boxed{5}", "6").value == 0.0
    assert judge(r"<think>so \boxed{6}", "6").verdict is Verdict.NO_ANSWER


@pytest.mark.parametrize(
    "parameters",
    [
        {"extract": "anywhere"},
        {"extract": []},
        {"tolerance": "loose"},
        {"tolerance": 0.0},
        {"tolerance": 1.5},
        {"units": "maybe"},
        {"unknown": 1},
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MathParameters(type="math", **parameters)


def test_a_group_shares_one_reading_of_its_reference() -> None:
    from verifier.rewards.math.grade import _prepare

    _prepare.cache_clear()
    for number in range(16):
        boxed(str(number), "7")

    assert _prepare.cache_info().misses == 1


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    import subprocess
    import sys

    program = (
        "import sys; from verifier.rewards.math import MathReward as M; M.Parameters.model_json_schema(); "
        "print([name for name in ('sympy', 'flint', 'math_verify', 'antlr4') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
