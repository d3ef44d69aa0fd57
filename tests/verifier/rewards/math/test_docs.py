"""The table of examples in the documentation is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from verifier.rewards.base import Sample
from verifier.rewards.math import MathReward
from verifier.rewards.math.parameters import MathParameters

PAGE = Path(__file__).parents[4] / "docs" / "rewards" / "math.md"


def examples() -> list[tuple[str, str, bool]]:
    """Reference, answer and verdict of every example; ``units: ignore`` in a cell is a remark."""
    section = PAGE.read_text().partition("## Examples")[2].partition("##")[0]
    found = []
    for line in section.splitlines():
        cells = [re.findall(r"`([^`]+)`", cell) for cell in line.split(" | ")]
        if len(cells) == 3 and cells[0]:
            for answers, is_right in ((cells[1], True), (cells[2], False)):
                found += [(cells[0][0], answer, is_right) for answer in answers if answer != "units: ignore"]
    return found


@pytest.mark.parametrize(("reference", "answer", "is_right"), examples())
def test_the_examples_hold(reference: str, answer: str, is_right: bool) -> None:
    sample = Sample(completion=f"\\boxed{{{answer}}}", reference={"answer": reference})

    assert (MathReward().score(sample, MathParameters(type="math")).value == 1.0) is is_right
