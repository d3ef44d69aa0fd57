"""``verifier explain``: a tree in which a reader finds why each reward gave what it did."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import Result

from verifier.cli.tree import result_tree

Verifier = Callable[..., Result]
WriteRows = Callable[..., Path]


def shown(item: dict[str, Any], result: dict[str, Any]) -> str:
    console = Console(file=StringIO(), width=200)
    console.print(result_tree(item, result))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def result(*components: dict[str, Any], reward: float | None = 1.0, status: str = "ok") -> dict[str, Any]:
    return {"status": status, "reward": reward, "components": list(components)}


def part(detail: dict[str, Any], verdict: str = "correct", **more: Any) -> dict[str, Any]:
    ok = {"name": "math", "type": "math", "status": "ok", "score": 1.0, "weight": 1.0}
    return {**ok, "verdict": verdict, "detail": detail, **more}


def test_a_completion_and_an_answer_are_enough(verifier: Verifier) -> None:
    told = verifier("explain", "--completion", "\\boxed{3/4}", "--reference", "\\frac{3}{4}")
    assert told.exit_code == 0
    assert "reward 1" in told.stdout
    assert "math: correct, score 1" in told.stdout
    assert "extracted: 3/4" in told.stdout


def test_rewards_that_are_given_replace_those_of_the_reference(verifier: Verifier, tmp_path: Path) -> None:
    choice = tmp_path / "rewards.toml"
    choice.write_text(
        '[[rewards]]\ntype = "gate"\nelse = -1\nif = { type = "format", preset = "boxed" }\n'
        'then = { type = "math" }\n'
    )
    arguments = ("--rewards", choice, "--reference", "5", "--completion")
    told = verifier("explain", *arguments, "The answer is 5").stdout
    assert "reward -1" in told
    assert "if: scored, score 0" in told
    told = verifier("explain", *arguments, "\\boxed{5}").stdout
    assert "reward 1" in told
    assert "then: correct, score 1" in told


def test_a_reference_may_be_an_object_or_a_file(verifier: Verifier, tmp_path: Path) -> None:
    (tmp_path / "reference").write_text('{"answer": ["5", "6"]}')
    (tmp_path / "completion").write_text("\\boxed{6}")
    told = verifier(
        "explain", "--completion", f"@{tmp_path / 'completion'}", "--reference", f"@{tmp_path / 'reference'}"
    )
    assert "math: correct" in told.stdout


@pytest.mark.parametrize("answer", ["{1, 2}", "[1, 2]"])
def test_an_answer_in_brackets_is_an_answer(verifier: Verifier, answer: str) -> None:
    assert (
        "math: correct"
        in verifier("explain", "--completion", f"\\boxed{{{answer}}}", "--reference", answer).stdout
    )


def test_a_row_of_a_file_by_line_or_id(verifier: Verifier, rows: WriteRows) -> None:
    items = [
        {"id": name, "completion": "\\boxed{5}", "reference": {"answer": answer}}
        for name, answer in (("a", "5"), ("b", "6"))
    ]
    file = rows(*items)
    assert "math: correct" in verifier("explain", file).stdout
    for row in ("2", "b"):
        assert "math: incorrect" in verifier("explain", file, "--row", row).stdout
    assert "math: correct" in verifier("explain", file, "--row", "b", "--completion", "\\boxed{6}").stdout


def test_a_group_reward_sees_the_whole_group(verifier: Verifier, rows: WriteRows, tmp_path: Path) -> None:
    choice = tmp_path / "rewards.toml"
    choice.write_text('[[rewards]]\ntype = "length"\nform = "kimi"\ncorrect = { type = "math" }\n')
    row = {"completion": "\\boxed{5}", "reference": {"answer": "5"}, "group": "g"}
    file = rows(*({**row, "completion_tokens": tokens} for tokens in (10, 20, 30)))
    told = [verifier("explain", file, "--row", line, "--rewards", choice).stdout for line in (1, 2, 3)]
    assert [re.search(r"reward (\S+)", one)[1] for one in told] == ["0.5", "0", "-0.5"]


def test_an_unusable_reference_says_what_to_do(verifier: Verifier) -> None:
    told = verifier("explain", "--completion", "x", "--reference", "?")
    assert told.exit_code == 1
    assert "no reward: invalid (its reference or parameters cannot be used" in told.stdout
    assert "unusable_reference" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give a FILE, or --completion TEXT and --reference"),
        (["--completion", "x"], "no rewards: give --rewards FILE or --preset NAME"),
        (["{file}", "--row", "9"], "the file has no such row"),
        (["{file}", "--row", "2"], "line 2: not JSON"),
        (["--completion", "@absent", "--reference", "5"], "absent: No such file"),
    ],
)
def test_what_the_user_can_mend_is_said(
    offline: Verifier, rows: WriteRows, arguments: list[str], said: str
) -> None:
    file = rows({"completion": "c", "reference": {"answer": "5"}}, "{")
    told = offline("explain", *(argument.format(file=file) for argument in arguments))
    assert told.exit_code == 2
    assert said in told.stderr


class TestTree:
    def test_weights_are_multiplied_out(self) -> None:
        assert "math: correct, score 1 × weight 0.5 = 0.5" in shown({}, result(part({}, weight=0.5)))

    def test_failed_tests_are_shown_and_passed_ones_counted(self) -> None:
        tests = [
            {"index": 0, "verdict": "correct"},
            {"index": 1, "verdict": "timeout", "cpu_ms": 9.0, "stderr_tail": ""},
        ]
        told = shown({}, result(part({"passed": 1, "total": 2, "tests": tests}, verdict="timeout")))
        assert "tests: 1 passed, 1 failed" in told
        assert "test 1: timeout" in told
        assert "cpu_ms: 9.0" in told
        assert "stderr_tail" not in told
        assert "test 0" not in told

    def test_rewards_within_rewards_are_branches(self) -> None:
        inner = {"score": 0.0, "verdict": "incorrect", "detail": {"extracted": "7"}}
        told = shown({}, result(part({"open": False, "parts": {"if": inner}}, verdict="incorrect")))
        assert "if: incorrect, score 0" in told
        assert "extracted: 7" in told

    def test_a_fault_of_ours_is_told_from_a_defect_of_the_item(self) -> None:
        error = {"code": "sandbox_unavailable", "message": "no daemon", "retryable": True}
        failed = {"name": "code", "type": "code", "status": "error", "score": None, "error": error}
        told = shown({}, result(failed, reward=None, status="error"))
        assert "could not be judged, through no doing of the completion; retry" in told
        assert "sandbox_unavailable: no daemon" in told

    def test_long_texts_keep_their_ends(self) -> None:
        told = shown({"completion": "start" + "x" * 10_000 + "end"}, result())
        assert "start" in told
        assert "end" in told
        assert len(told) < 2000

    def test_markup_in_a_completion_is_text(self) -> None:
        assert "[bold red]" in shown({"completion": "[bold red]"}, result())
