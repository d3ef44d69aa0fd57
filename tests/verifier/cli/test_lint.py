"""``verifier lint``: what is wrong with a file's references, by line, before a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Verifier = Callable[..., Result]
WriteRows = Callable[..., Path]

GOOD = {"problem": "P", "answer": "5", "solution": "\\boxed{5}"}


def findings(verifier: Verifier, file: Path, tmp_path: Path, *options: object) -> list[tuple[int, str, str]]:
    out = tmp_path / "findings.jsonl"
    result = verifier("lint", file, "--out", out, *options)
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert result.exit_code == (1 if found else 0)
    return [(one["line"], one["kind"], one["message"]) for one in found]


def test_a_good_file_passes(verifier: Verifier, rows: WriteRows) -> None:
    result = verifier("lint", rows(GOOD, {**GOOD, "problem": "Q"}))
    assert result.exit_code == 0
    assert "2 rows, 2 of their own solutions judged" in result.stdout
    assert "nothing wrong was found" in result.stdout


@pytest.mark.parametrize(
    ("bad", "kind", "said"),
    [
        ("{", "malformed", "not JSON"),
        ({"problem": "B", "answer": ""}, "malformed", "'answer' is empty"),
        ({"problem": "B", "answer": "?"}, "unusable", "unusable_reference: reference.answer"),
        ({"problem": "P", "answer": "6"}, "contradiction", "line 1 asks the same and has another reference"),
        (
            {**GOOD, "problem": "B", "answer": "6"},
            "solution_fails",
            "math: incorrect (extracted 5, reference 6)",
        ),
        ({**GOOD, "problem": "B", "solution": "so 5"}, "solution_fails", "math: no_answer"),
        ({"question": "B", "input_output": '{"inputs": [], "outputs": []}'}, "malformed", "no tests"),
    ],
)
def test_each_defect_is_found_at_its_line(
    verifier: Verifier, rows: WriteRows, tmp_path: Path, bad: Any, kind: str, said: str
) -> None:
    ((line, found, message),) = findings(verifier, rows(GOOD, bad), tmp_path)
    assert (line, found) == (2, kind)
    assert said in message


def test_tests_are_checked_without_running_anything(
    verifier: Verifier, rows: WriteRows, tmp_path: Path
) -> None:
    bad = {"completion": "", "reference": {"tests": {"type": "stdio", "cases": []}}}
    ((line, kind, message),) = findings(verifier, rows(bad), tmp_path)
    assert (line, kind) == (1, "unusable")
    assert "tests.stdio.cases" in message


def test_a_solution_that_cannot_be_run_is_not_passed_over(
    offline: Verifier, rows: WriteRows, tmp_path: Path
) -> None:
    row = {"task_id": 1, "text": "T", "code": "x = 1", "test_list": ["assert x == 1"]}
    ((line, kind, message),) = findings(offline, rows(row), tmp_path)
    assert (line, kind) == (1, "not_checked")
    assert "sandbox_unavailable" in message


def test_solutions_may_be_left_alone(verifier: Verifier, rows: WriteRows, tmp_path: Path) -> None:
    row = {"task_id": 1, "text": "T", "code": "x = 1", "test_list": ["assert x == 1"]}
    assert findings(verifier, rows(row), tmp_path, "--no-solutions") == []


def test_the_same_row_twice_is_no_contradiction(verifier: Verifier, rows: WriteRows, tmp_path: Path) -> None:
    assert findings(verifier, rows(GOOD, {**GOOD, "problem": " P\n"}), tmp_path) == []


def test_findings_stand_in_the_order_of_lines(verifier: Verifier, rows: WriteRows, tmp_path: Path) -> None:
    bad = {**GOOD, "answer": "6"}
    found = findings(verifier, rows(GOOD, "{", bad, GOOD, "{"), tmp_path)
    assert [line for line, _, _ in found] == [2, 3, 3, 5]
