"""MATH-500 and GSM8K: gold solutions are rewarded, foreign answers are not, whichever way they are scored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from verifier.datasets import DatasetItem, read_rows, to_items

pytestmark = pytest.mark.data

Score = Callable[..., list[dict[str, Any]]]


def math500(data: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (data / "math500.jsonl").read_text().splitlines()]


def test_gold_solutions_of_math_500_are_rewarded(score: Score, data: Path) -> None:
    rewards = [line["reward"] for line in score(data / "math500.jsonl", "--sandbox", "none")]
    assert len(rewards) == 500
    assert sum(rewards) >= 0.97 * 500


def test_a_math_500_solution_earns_the_next_problems_answer_only_where_both_are_equal(
    score: Score, data: Path, write: Callable[..., Path]
) -> None:
    problems = math500(data)
    answers = [problem["answer"] for problem in problems]
    wanted = [*answers[1:], answers[0]]
    items = [
        {"completion": problem["solution"], "reference": {"answer": answer}}
        for problem, answer in zip(problems, wanted, strict=True)
    ]
    rewarded = {line["index"] for line in score(write(items), "--sandbox", "none") if line["reward"] > 0}
    equal = {
        index
        for index, (mine, other) in enumerate(zip(answers, wanted, strict=True))
        if mine.removeprefix("x=") == other.removeprefix("x=")
    }
    assert rewarded == equal


def test_gold_solutions_of_gsm8k_are_all_rewarded(score: Score, data: Path) -> None:
    lines = score(data / "gsm8k_test.jsonl", "--sandbox", "none")
    assert len(lines) == 1319
    assert all(line["reward"] == 1.0 for line in lines)


@pytest.mark.parametrize("name", ["math500.jsonl", "gsm8k_test.jsonl"])
def test_the_queue_gives_the_same_results(
    score: Score, data: Path, queue_url: str, judged: Callable[..., list[Any]], name: str
) -> None:
    here = score(data / name, "--sandbox", "none")
    assert judged(score(data / name, "--url", queue_url)) == judged(here)


def test_lint_finds_the_rows_whose_answers_were_swapped(
    lint: Callable[..., list[dict[str, Any]]], data: Path, write: Callable[..., Path]
) -> None:
    problems = math500(data)
    for number in (17, 170, 400):
        problems[number]["answer"] = "123456789"
    problems[499]["answer"] = " "
    found = {finding["line"]: finding["kind"] for finding in lint(write(problems), "--sandbox", "none")}
    assert found == {18: "solution_fails", 171: "solution_fails", 401: "solution_fails", 500: "malformed"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "math500.jsonl",
        "gsm8k_test.jsonl",
        "knights_knaves_3ppl_test.parquet",
        "knights_knaves_5ppl_test.parquet",
        pytest.param("humaneval.jsonl.gz", marks=pytest.mark.docker),
    ],
)
def test_lint_finds_nothing_wrong_with_the_published_files(
    lint: Callable[..., list[dict[str, Any]]], data: Path, name: str
) -> None:
    assert lint(data / name, "--sandbox", "docker") == []


@pytest.mark.parametrize("people", [3, 5])
def test_knights_and_knaves_earn_the_published_reward(
    score: Score, data: Path, write: Callable[..., Path], people: int
) -> None:
    right, wrong = [], []
    for item in to_items(read_rows(data / f"knights_knaves_{people}ppl_test.parquet")):
        assert isinstance(item, DatasetItem)
        assert item.solution is not None
        right.append(item.to_json(item.solution))
        wrong += [item.to_json(flipped) for flipped in single_flips(item.solution)]
    assert (len(right), len(wrong)) == (100, 100 * people)
    lines = score(write(right + wrong), "--preset", "logic_rl", "--sandbox", "none")
    assert {line["reward"] for line in lines[:100]} == {3.0}
    assert {line["reward"] for line in lines[100:]} == {-0.5}


def single_flips(solution: str) -> list[str]:
    """The solution with one person at a time told wrongly."""
    reasoning, _, answer = solution.partition("<answer>")
    swap = {"knight": "knave", "knave": "knight"}
    said = answer.splitlines()
    flips = []
    for number, line in enumerate(said):
        for kind, other in swap.items():
            if line.endswith(f" is a {kind}"):
                changed = [*said[:number], line.removesuffix(kind) + other, *said[number + 1 :]]
                flips.append(f"{reasoning}<answer>" + "\n".join(changed))
    return flips
