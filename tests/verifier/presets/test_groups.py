"""Group-relative rewards through the engine: who counts, and what happens where one cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from verifier.schema import ScoreResponse

Score = Callable[[dict[str, Any]], ScoreResponse]
GOLD = {"answer": "4"}
KIMI = [{"type": "length", "form": "kimi", "correct": {"type": "exact", "extract": "boxed"}}]


def member(tokens: int | None, group: str | None = "g", **more: Any) -> dict[str, Any]:
    tokens_sent = {} if tokens is None else {"completion_tokens": tokens}
    return {"completion": "\\boxed{4}", "reference": GOLD, "group": group, **tokens_sent, **more}


def test_an_invalid_member_is_left_out_and_changes_nothing(score: Score) -> None:
    items = [member(100), member(None), member(200), member(900, reference={}), member(300)]
    results = score({"items": items, "rewards": KIMI}).results
    assert [result.status for result in results] == ["ok", "invalid", "ok", "invalid", "ok"]
    assert [result.reward for result in results] == [0.5, None, 0, None, -0.5]


def test_a_member_that_could_not_be_judged_is_an_error_for_all(score: Score) -> None:
    """There is no sandbox behind this engine."""
    tests = {"tests": {"type": "stdio", "cases": [{"stdin": "", "stdout": "1"}]}}
    right = {
        "type": "switch",
        "on": "metadata.kind",
        "cases": {"code": {"type": "code"}},
        "default": {"type": "exact", "extract": "boxed"},
    }
    code = member(50, completion="```python\nprint(1)\n```", reference=tests, metadata={"kind": "code"})
    rewards = [{"type": "length", "form": "kimi", "correct": right}]
    results = score({"items": [member(100), code, member(200)], "rewards": rewards}).results
    assert {result.status for result in results} == {"error"}
    assert all(result.error is not None and result.error.retryable for result in results)


def test_groups_and_items_without_one_stand_apart(score: Score) -> None:
    items = [member(1, "a"), member(9, "a"), member(5, "b"), member(7, "b"), member(3, None), member(4, None)]
    rewards = [result.reward for result in score({"items": items, "rewards": KIMI}).results]
    assert rewards == [0.5, -0.5, 0.5, -0.5, 0, 0]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_the_order_of_members_does_not_matter(score: Score, order: tuple[int, ...]) -> None:
    tokens = [100, 200, 300]
    items = [member(tokens[index]) for index in order]
    rewards = [result.reward for result in score({"items": items, "rewards": KIMI}).results]
    assert rewards == [{100: 0.5, 200: 0, 300: -0.5}[tokens[index]] for index in order]
