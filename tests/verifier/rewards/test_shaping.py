"""``tag_count``, ``reasoning_steps``, ``finished``, ``code_credit``, and ``format`` by tags."""

from __future__ import annotations

from typing import Any

import pytest

from verifier.errors import ItemInvalid
from verifier.rewards.base import Sample, Score
from verifier.rewards.code_credit import CodeCreditParameters, CodeCreditReward
from verifier.schema import Verdict


@pytest.mark.parametrize(
    ("completion", "more", "value"),
    [
        ("<think>a</think><answer>b</answer>", {}, 1),
        ("<think>a</think>", {}, 0.5),
        ("<think>a</think><answer>b</answer><answer>c</answer>", {}, 0.5),
        ("</answer>", {}, 0.25),
        ("", {}, 0),
        ("<think>\na\n</think>\n<answer>\nb\n</answer>", {"line_breaks": True}, 1),
        ("<think>a</think><answer>b</answer>", {"line_breaks": True}, 0),
        ("<plan>a</plan>", {"tags": ["plan"]}, 1),
    ],
)
def test_tag_count(judge: Any, completion: str, more: dict[str, Any], value: float) -> None:
    assert judge({"type": "tag_count", **more}, completion).value == value


@pytest.mark.parametrize(
    ("completion", "value"),
    [
        ("Step 1: a\nStep 2: b\nStep 3: c\nStep 4: d", 1),
        ("First, a. Next, b.", 2 / 3),
        ("1. a\n2. b", 2 / 3),
        ("\n- a\n* b\n- c", 1),
        ("2 - 1 = 1, 2.5 * 3", 0),
        ("", 0),
    ],
)
def test_reasoning_steps(judge: Any, completion: str, value: float) -> None:
    assert judge({"type": "reasoning_steps"}, completion).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("reason", "value"), [("stop", 1), ("tool_calls", 1), ("length", 0), ("content_filter", 0), (None, 1)]
)
def test_finished(judge: Any, reason: str | None, value: float) -> None:
    assert judge({"type": "finished"}, "", finish_reason=reason).value == value


def test_finished_where_nobody_said_why_it_ended(judge: Any) -> None:
    assert judge({"type": "finished", "when_unknown": "cut"}, "").value == 0
    with pytest.raises(ItemInvalid):
        judge({"type": "finished", "when_unknown": "invalid"}, "")


@pytest.mark.parametrize(
    ("completion", "value"),
    [
        ("<think>a</think>\n<translate>b</translate>", 1),
        ("<think></think><translate>b</translate>", 0),
        ("<translate>b</translate><think>a</think>", 0),
        ("<think>a</think><translate>b</translate>!", 0),
        ("<think>a</think><translate>b</translate><translate>b</translate>", 0),
    ],
)
def test_format_by_tags(judge: Any, completion: str, value: float) -> None:
    assert judge({"type": "format", "tags": ["think", "translate"]}, completion).value == value


GROUPS = {
    "difficulty": [
        {"tests": [0, 1], "score": 0.4},
        {"tests": [2], "score": 0.35},
        {"tests": [3], "score": 0.25},
    ]
}


def credit(form: str, passed: str, verdict: Verdict, reference: dict[str, Any] | None = None) -> float:
    """The credit of a program whose tests went as the letters say: ``p`` passed."""
    tests = [{"index": i, "verdict": "correct" if p == "p" else "incorrect"} for i, p in enumerate(passed)]
    share = passed.count("p") / len(passed) if passed else 0.0
    detail = {"tests": tests, "total": len(passed)} if passed else {}
    parameters = CodeCreditParameters.model_validate(
        {"type": "code_credit", "of": {"type": "code", "aggregate": "fraction"}, "form": form}
    )
    parts = {"of": lambda: Score(share, verdict, detail)}
    return CodeCreditReward().combine(Sample("", reference=reference or GROUPS), parts, parameters).value


@pytest.mark.parametrize(
    ("passed", "codeforces", "strict", "soft"),
    [
        ("pppp", 1.1, 1, 1),
        ("ppff", 0.05, 0.4, 0.4),
        ("pfff", 0.025, 0, 0.2),
        ("ppfp", 0.075, 0.4, 0.65),
        ("fpfp", 0.05, 0, 0.45),
        ("ffff", 0, 0, 0),
    ],
)
def test_code_credit(passed: str, codeforces: float, strict: float, soft: float) -> None:
    verdict = Verdict.CORRECT if passed == "pppp" else Verdict.PARTIAL
    assert credit("codeforces", passed, verdict) == pytest.approx(codeforces)
    assert credit("strict", passed, verdict) == pytest.approx(strict)
    assert credit("soft", passed, verdict) == pytest.approx(soft)


def test_code_credit_of_no_program_and_of_none_that_compiles() -> None:
    assert credit("codeforces", "", Verdict.NO_ANSWER) == -1
    assert credit("codeforces", "", Verdict.COMPILE_ERROR) == -0.1
    assert credit("strict", "", Verdict.NO_ANSWER) == 0


def test_a_group_of_tests_that_there_are_not_is_invalid() -> None:
    with pytest.raises(ItemInvalid):
        credit("soft", "pp", Verdict.CORRECT, {"difficulty": [{"tests": [2], "score": 1.0}]})
