"""Defects of public reward code, by their numbers in the survey of it, each shown not to be ours.

The filters and statistics of trainers (6, 7) and the reading of data sets (8, 9) have their tests there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from verifier.presets import expand
from verifier.schema import ItemResult, ScoreResponse

Score = Callable[[dict[str, Any]], ScoreResponse]


def one(score: Score, rewards: Any, completion: str, reference: dict[str, Any], **more: Any) -> ItemResult:
    item = {"completion": completion, "reference": reference, **more}
    return score({"items": [item], "rewards": rewards}).results[0]


ECHO = {"tests": {"type": "stdio", "cases": [{"stdin": "", "stdout": "1\n2\n3\n"}]}}


@pytest.mark.docker
@pytest.mark.parametrize(
    ("program", "reward"),
    [
        ("print(1)\nprint(2)\nprint(3)", 1),
        ("print(1)\nprint(2)", 0),
        ("print(1)\nprint(2)\nprint(3)\nprint(4)", 0),
        ("pass", 0),
    ],
)
def test_1_a_prefix_a_longer_and_an_empty_output_do_not_pass(
    score_with_sandbox: Score, program: str, reward: float
) -> None:
    completion = f"```python\n{program}\n```"
    for preset in ("deepcoder", "skywork_or1"):
        result = one(score_with_sandbox, {"preset": preset}, completion, ECHO, metadata={"ability": "code"})
        assert result.reward == reward


@pytest.mark.parametrize(
    ("completion", "reward"),
    [
        ("<think>a</think><answer>(1 + 3) * (2 + 4)</answer>\n", 1),
        ("<think>a</think><answer>(1 + 3) *\n(2 + 4)</answer>", 1),
        ("<think>a</think><answer>4 ** 2 + 3 * 1</answer>", 0.1),
        ("<think>a</think><answer>4 // 1 * 3 * 2</answer>", 0.1),
        ("<think>a</think><answer>9**9**9</answer>", 0.1),
    ],
)
def test_2_countdown_reads_any_line_takes_no_powers_and_does_not_hang(
    score: Score, completion: str, reward: float
) -> None:
    reference = {"target": 24, "numbers": [1, 2, 3, 4]}
    assert one(score, {"preset": "tinyzero"}, completion, reference).reward == reward


@pytest.mark.parametrize(
    ("answer", "gold", "reward"),
    [("-5", "5", 0), ("-5", "-5", 1), ("5", "-5", 0), ("10-5", "-5", 0), ("10-5", "5", 0)],
)
def test_3_numbers_keep_their_sign_and_a_difference_is_no_number(
    score: Score, answer: str, gold: str, reward: float
) -> None:
    rewards = [{"type": "numeric"}]
    assert one(score, rewards, f"<answer>{answer}</answer>", {"answer": gold}).reward == reward


FARMED = [
    "<think>a</think><answer>4</answer> and so on",
    "<think>a</think>\n<answer>4</answer>\nand so on",
    "<think>a</think><answer>4</answer><answer>4</answer>",
    "<think></think><answer>4</answer>",
    "<think> \n </think><answer>4</answer>",
]


@pytest.mark.parametrize("completion", FARMED)
@pytest.mark.parametrize("preset", ["deepseek_r1_zero", "cppo", "mini_r1", "logic_rl", "open_r1"])
def test_4_junk_second_answers_and_empty_thoughts_are_no_format(
    score: Score, preset: str, completion: str
) -> None:
    form = next(spec for spec in expand(preset, {}, "rewards") if spec.get("name", spec["type"]) == "format")
    bare = form["of"] if form["type"] == "scale" else form
    assert one(score, [bare], completion, {"answer": "4"}).reward == 0


def test_5_a_fault_of_ours_is_an_error_for_that_item_and_a_score_for_none(score: Score) -> None:
    """There is no sandbox behind this engine."""
    code = {"completion": "```python\nprint(1)\n```", "reference": ECHO, "metadata": {"ability": "code"}}
    sum_ = {"completion": "So \\boxed{4}.", "reference": {"answer": "4"}}
    for preset in ("prime", "skywork_or1", "mimo"):
        reference = {**ECHO, "difficulty": [{"tests": [0], "score": 1.0}]}
        items = [{**code, "reference": reference}, sum_]
        first, second = score({"items": items, "rewards": {"preset": preset}}).results
        assert (first.status, first.reward) == ("error", None)
        assert first.error is not None
        assert first.error.retryable
        assert (second.status, second.reward) == ("ok", 1)


@pytest.mark.parametrize("preset", ["gpg", "open_r1", "demystify", "deepscaler", "dapo"])
def test_10_a_reference_that_cannot_be_read_is_invalid_and_never_1(score: Score, preset: str) -> None:
    reference = {"answer": "\\frac{"}
    result = one(
        score, {"preset": preset}, "<think>a</think>\\boxed{4}\nAnswer: 4", reference, completion_tokens=9
    )
    assert (result.status, result.reward) == ("invalid", None)
