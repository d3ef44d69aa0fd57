"""``POST /score`` as its users see it, against a real running service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

Send = Callable[..., dict[str, Any]]

MATH = {"type": "math"}
FORMAT = {"type": "format", "preset": "think_answer", "weight": 0.1}
RIGHT = {
    "completion": "<think>a</think><answer>\\boxed{3/4}</answer>",
    "reference": {"answer": "\\frac{3}{4}"},
}


def test_a_batch_is_scored_in_order_and_summed_by_weight(score: Send) -> None:
    wrong = {"id": "w", "completion": "\\boxed{2}", "reference": "shared"}
    answer = score([MATH, FORMAT], {"id": "r", **RIGHT}, wrong, references={"shared": {"answer": "3"}})
    assert [(r["id"], r["index"], r["status"]) for r in answer["results"]] == [("r", 0, "ok"), ("w", 1, "ok")]
    assert [r["reward"] for r in answer["results"]] == [pytest.approx(1.1), 0.0]
    math, form = answer["results"][0]["components"]
    assert (math["name"], math["verdict"], math["score"], math["weight"]) == ("math", "correct", 1.0, 1.0)
    assert (form["name"], form["verdict"], form["score"]) == ("format", "scored", 1.0)
    assert answer["graders"].keys() == {"math", "format"}
    assert answer["request_id"] and answer["version"]


def test_an_empty_batch_is_scored(score: Send) -> None:
    assert score([MATH])["results"] == []


def test_an_items_own_rewards_replace_the_batchs(score: Send) -> None:
    own = {"completion": "x", "rewards": [{"type": "format", "pattern": "x+", "name": "xs"}]}
    answer = score([MATH], own)
    assert [c["name"] for c in answer["results"][0]["components"]] == ["xs"]


def test_a_preset_stands_for_its_rewards(score: Send) -> None:
    answer = score({"preset": "deepseek_r1_zero"}, RIGHT)
    assert answer["results"][0]["reward"] == 2.0


def test_chat_messages_are_understood(score: Send) -> None:
    messages = [
        {"role": "user", "content": "1/2+1/4?"},
        {"role": "assistant", "content": "<answer>\\boxed{3/4}</answer>", "reasoning_content": "halves"},
    ]
    answer = score([MATH, FORMAT], {**RIGHT, "completion": messages})
    assert answer["results"][0]["reward"] == pytest.approx(1.1)


def test_null_content_has_no_answer(score: Send) -> None:
    silent = [{"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f"}}]}]
    (result,) = score([MATH], {**RIGHT, "completion": silent})["results"]
    assert (result["status"], result["reward"]) == ("ok", 0.0)
    assert result["components"][0]["verdict"] == "no_answer"


def test_what_the_template_opened_is_put_before_the_completion(score: Send) -> None:
    rest = {**RIGHT, "completion": "a</think><answer>\\boxed{3/4}</answer>", "assistant_prefix": "<think>"}
    assert score([MATH, FORMAT], rest)["results"][0]["reward"] == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"completion": "\\boxed{1}"}, "missing_reference"),
        ({"completion": "\\boxed{1}", "reference": "nowhere"}, "unknown_reference"),
        ({"completion": "\\boxed{1}", "reference": {"answer": 3}}, "unusable_reference"),
        ({"completion": "\\boxed{1}", "reference": {"answer": "\\frac{"}}, "unusable_reference"),
        ({"completion": "a", "rewards": [{"type": "format", "pattern": "("}]}, "unusable_parameter"),
        (
            {"completion": [{"role": "user", "content": "a"}], "reference": {"answer": "1"}},
            "unusable_parameter",
        ),
    ],
)
def test_an_unusable_item_is_invalid_and_spoils_no_neighbour(
    score: Send, item: dict[str, Any], code: str
) -> None:
    before, bad, after = score([MATH], RIGHT, item, RIGHT)["results"]
    assert (before["reward"], after["reward"]) == (1.0, 1.0)
    assert (bad["status"], bad["reward"], bad["error"]["code"]) == ("invalid", None, code)
    assert bad["error"]["retryable"] is False


def test_without_a_sandbox_code_is_an_error_and_never_a_zero(score: Send) -> None:
    tests = {"type": "stdio", "cases": [{"stdin": "", "stdout": "1"}]}
    item = {"completion": "```python\nprint(1)\n```", "reference": {"tests": tests}}
    (result,) = score([{"type": "code"}], item)["results"]
    assert (result["status"], result["reward"]) == ("error", None)
    assert (result["error"]["code"], result["error"]["retryable"]) == ("sandbox_unavailable", True)


def test_a_component_of_no_weight_may_fail_without_spoiling_the_reward(score: Send) -> None:
    (result,) = score([MATH, {"type": "code", "weight": 0.0}], RIGHT)["results"]
    assert (result["status"], result["reward"]) == ("ok", 1.0)
    assert result["components"][1]["status"] == "invalid"


def test_invalid_wins_over_error(score: Send) -> None:
    tests = {"type": "stdio", "cases": [{"stdin": "", "stdout": "1"}]}
    item = {"completion": "```python\nprint(1)\n```", "reference": {"tests": tests}}
    (result,) = score([{"type": "code"}, MATH], item)["results"]
    assert result["status"] == "invalid"


def test_what_breaks_its_worker_is_judged_and_spoils_no_neighbour(score: Send) -> None:
    hostile = {"type": "hostile"}
    results = score([hostile], {"completion": "a"}, {"completion": "crash"}, {"completion": "b"})["results"]
    assert [(r["status"], r["reward"]) for r in results] == [("ok", 1.0), ("ok", 0.0), ("ok", 1.0)]
    assert results[1]["components"][0]["verdict"] == "runtime_error"


def test_a_tower_of_powers_costs_its_own_item_alone(score: Send) -> None:
    tower = {"completion": "\\boxed{" + "9^{" * 40 + "9" + "}" * 41, "reference": {"answer": "7"}}
    (bad, good) = score([MATH], tower, RIGHT)["results"]
    assert (bad["status"], bad["reward"]) == ("ok", 0.0)
    assert good["reward"] == 1.0


def test_what_is_not_done_by_the_deadline_is_an_error(score: Send) -> None:
    late = {"completion": "sleep", "rewards": [{"type": "hostile"}]}
    slow, done = score([MATH], late, RIGHT, deadline_s=2.0)["results"]
    assert (slow["status"], slow["error"]["code"]) == ("error", "deadline")
    assert done["reward"] == 1.0


def test_a_grader_pin_that_holds_is_accepted(score: Send, client: httpx.Client) -> None:
    versions = {entry["type"]: entry["version"] for entry in client.get("/rewards").json()}
    assert score([MATH], RIGHT, graders={"math": versions["math"]})["results"][0]["reward"] == 1.0


def test_equal_items_are_scored_alike(score: Send) -> None:
    results = score([MATH, FORMAT], *[RIGHT] * 300)["results"]
    assert [result["reward"] for result in results] == [pytest.approx(1.1)] * 300


def test_a_sum_beyond_numbers_is_invalid_and_never_a_bare_null(score: Send) -> None:
    rewards = [{"type": "math", "weight": 1e308}, {"type": "math", "weight": 1e308, "name": "again"}]
    (result,) = score(rewards, RIGHT)["results"]
    assert (result["status"], result["reward"]) == ("invalid", None)
    assert result["error"]["code"] == "unusable_parameter"


def test_a_long_completion_is_scored_like_a_short_one(score: Send) -> None:
    long = "<think>" + "a " * 200_000 + "</think><answer>b</answer>"
    (result,) = score([FORMAT], {"completion": long})["results"]
    assert result["reward"] == pytest.approx(0.1)
