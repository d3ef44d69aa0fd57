"""Published problems with known answers, where the data lie beside the repository."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from verifier.rewards.base import Sample, Score
from verifier.rewards.math import MathReward
from verifier.rewards.math.parameters import MathParameters

DATA = Path(__file__).parents[5] / "shared" / "data"

pytestmark = pytest.mark.data


def load(name: str) -> list[dict[str, Any]]:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the data set {name} is not at {DATA}")
    return [json.loads(line) for line in path.read_text().splitlines()]


def judge(completion: str, reference: str) -> Score:
    sample = Sample(completion=completion, reference={"answer": reference})
    return MathReward().score(sample, MathParameters(type="math"))


def test_every_equivalence_case_that_is_no_matter_of_policy_is_right() -> None:
    cases = [case for case in load("math_cases.jsonl") if not case["policy"]]

    wrong = [
        case["id"]
        for case in cases
        if (judge(case["completion"], case["gold"]).value == 1.0) != case["expected"]
    ]

    assert wrong == []


def test_few_equivalence_cases_need_the_symbolic_stage() -> None:
    cases = load("math_cases.jsonl")

    deciding = Counter(judge(case["completion"], case["gold"]).detail["method"] for case in cases)

    assert deciding["symbolic"] < 0.1 * len(cases)


def test_all_gold_solutions_of_math_500_are_rewarded() -> None:
    wrong = [
        row["unique_id"]
        for row in load("math500.jsonl")
        if judge(row["solution"], row["answer"]).value != 1.0
    ]

    assert wrong == []


def test_whole_solutions_of_math_500_serve_as_references() -> None:
    wrong = [
        row["unique_id"]
        for row in load("math500.jsonl")
        if judge(row["solution"], row["solution"]).value != 1.0
    ]

    assert wrong == []


def test_a_solution_of_math_500_is_rewarded_for_the_next_problem_only_where_the_answers_are_equal() -> None:
    rows = load("math500.jsonl")
    following = [*rows[1:], rows[0]]

    rewarded = [
        (mine["answer"], other["answer"])
        for mine, other in zip(rows, following, strict=True)
        if judge(mine["solution"], other["answer"]).value == 1.0
    ]

    assert rewarded == [("5", "x=5"), ("7", "7"), ("3", "3")]


def test_all_gold_solutions_of_gsm8k_are_rewarded_and_only_for_their_own_answer() -> None:
    rows = load("gsm8k_test.jsonl")
    answers = [row["answer"].rpartition("####")[2].strip() for row in rows]

    own = [judge(row["answer"], answer).value for row, answer in zip(rows, answers, strict=True)]
    other = [
        (mine, following)
        for row, mine, following in zip(rows, answers, [*answers[1:], answers[0]], strict=True)
        if judge(row["answer"], following).value == 1.0
        and float(mine.replace(",", "")) != float(following.replace(",", ""))
    ]

    assert own == [1.0] * 1319
    assert other == []
