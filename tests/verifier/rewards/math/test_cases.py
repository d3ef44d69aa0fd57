"""Literal cases by category: for each reference what is equal to it, and near misses that are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from verifier.rewards.base import Sample
from verifier.rewards.math import MathReward
from verifier.rewards.math.parameters import MathParameters

CASES = Path(__file__).parent / "cases"
CATEGORIES = sorted(path.stem for path in CASES.glob("*.jsonl"))


def rows(category: str) -> list[dict[str, list[str]]]:
    return [json.loads(line) for line in (CASES / f"{category}.jsonl").read_text().splitlines()]


def is_right(answer: str, reference: str) -> bool:
    sample = Sample(
        completion=f"Therefore the answer is $\\boxed{{{answer}}}$.", reference={"answer": reference}
    )
    return MathReward().score(sample, MathParameters(type="math")).value == 1.0


@pytest.mark.parametrize("category", CATEGORIES)
def test_what_is_equal_is_rewarded(category: str) -> None:
    missed = [
        (row["reference"], answer)
        for row in rows(category)
        for answer in row["equal"]
        if not is_right(answer, str(row["reference"]))
    ]

    assert missed == []


@pytest.mark.parametrize("category", CATEGORIES)
def test_what_is_different_is_not_rewarded(category: str) -> None:
    fooled = [
        (row["reference"], answer)
        for row in rows(category)
        for answer in row["different"]
        if is_right(answer, str(row["reference"]))
    ]

    assert fooled == []


COMPLETIONS = [
    json.loads(line) for line in (Path(__file__).parent / "completions.jsonl").read_text().splitlines()
]


@pytest.mark.parametrize("case", COMPLETIONS, ids=[case["completion"][:60] for case in COMPLETIONS])
def test_whole_completions_as_models_write_them(case: dict[str, Any]) -> None:
    sample = Sample(completion=case["completion"], reference={"answer": case["reference"]})

    assert (MathReward().score(sample, MathParameters(type="math")).value == 1.0) is case["right"]


def test_near_misses_outnumber_what_is_equal() -> None:
    equal = sum(len(row["equal"]) for category in CATEGORIES for row in rows(category))
    different = sum(len(row["different"]) for category in CATEGORIES for row in rows(category))

    assert equal + different >= 1_000
    assert different > equal
