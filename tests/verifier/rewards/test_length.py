"""``length``: the published formulas, worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from verifier.errors import ItemInvalid, RequestInvalid
from verifier.rewards.base import GroupReward, Sample
from verifier.rewards.registry import parse_reward

RIGHT = {"type": "exact", "extract": "whole"}
GOLD = {"answer": "4", "target_length": 1000}


def spec(form: str, **more: Any) -> dict[str, Any]:
    needs_right = form in ("cosine", "l1_max", "kimi", "efficient")
    return {"type": "length", "form": form, **({"correct": RIGHT} if needs_right else {}), **more}


DEMYSTIFY = {
    "max_length": 1000,
    "min_correct": 1,
    "max_correct": 2,
    "min_wrong": -10,
    "max_wrong": 0,
    "exceed": -10,
}


@pytest.mark.parametrize(
    ("completion", "tokens", "value"),
    [
        ("4", 0, 2),
        ("4", 500, 1.5),
        ("4", 250, 1 + 0.5 * (1 + math.cos(math.pi / 4))),
        ("4", 983, 1 + 0.5 * (1 + math.cos(math.pi * 0.983))),
        ("4", 984, -10),
        ("4", 5000, -10),
        ("5", 0, -10),
        ("5", 500, -5),
        ("5", 250, -5 * (1 + math.cos(math.pi / 4))),
        ("5", 984, -10),
    ],
)
def test_cosine_with_an_exceed_value(judge: Any, completion: str, tokens: int, value: float) -> None:
    score = judge(spec("cosine", **DEMYSTIFY), completion, GOLD, completion_tokens=tokens)
    assert score.value == pytest.approx(value)


@pytest.mark.parametrize(("completion", "ends"), [("4", (1.0, 0.5)), ("5", (-1.0, -0.5))])
def test_cosine_runs_from_one_end_to_the_other_and_stays(
    judge: Any, completion: str, ends: tuple[float, float]
) -> None:
    values = [
        judge(spec("cosine", max_length=100), completion, GOLD, completion_tokens=n).value
        for n in (0, 50, 100, 150, 200)
    ]
    assert values == pytest.approx([ends[0], sum(ends) / 2, ends[1], ends[1], ends[1]])


@pytest.mark.parametrize(
    ("tokens", "value"),
    [(0, 0), (16384, 0), (16385, -1 / 4096), (18432, -0.5), (20480, -1), (20481, -1), (10**9, -1)],
)
def test_overlong(judge: Any, tokens: int, value: float) -> None:
    bound = spec("overlong", max_length=20480, cache=4096)
    assert judge(bound, "x", completion_tokens=tokens).value == pytest.approx(value)


@pytest.mark.parametrize(("tokens", "value"), [(1000, 0), (1100, -0.03), (900, -0.03), (5000, -1.2)])
def test_l1_exact(judge: Any, tokens: int, value: float) -> None:
    assert judge(spec("l1_exact"), "4", GOLD, completion_tokens=tokens).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("completion", "tokens", "value"),
    [("4", 1000, 0.5), ("4", 500, 0.65), ("4", 1500, 0.35), ("4", 9000, 0), ("4", 0, 0.8), ("5", 500, 0)],
)
def test_l1_max(judge: Any, completion: str, tokens: int, value: float) -> None:
    assert judge(spec("l1_max"), completion, GOLD, completion_tokens=tokens).value == pytest.approx(value)


def members(*samples: tuple[str, int]) -> list[Sample]:
    return [Sample(text, reference=GOLD, completion_tokens=tokens) for text, tokens in samples]


def test_kimi(judge_group: Any) -> None:
    group = members(("4", 100), ("4", 200), ("4", 300), ("5", 100), ("5", 200), ("5", 300))
    values = [score.value for score in judge_group(spec("kimi"), group)]
    assert values == pytest.approx([0.5, 0, -0.5, 0, 0, -0.5])


def test_kimi_of_one_length_or_of_one_member_is_0(judge: Any, judge_group: Any) -> None:
    assert [s.value for s in judge_group(spec("kimi"), members(("4", 9), ("5", 9)))] == [0, 0]
    assert judge(spec("kimi"), "4", GOLD, completion_tokens=9).value == 0


def test_efficient(judge_group: Any) -> None:
    """Right ones of 100 and 300: mean 200, population deviation 100, so one deviation off each."""
    values = [
        s.value
        for s in judge_group(spec("efficient", alpha=0.4), members(("4", 100), ("4", 300), ("5", 900)))
    ]
    sigmoid = 1 / (1 + math.exp(1))
    assert values == pytest.approx([1 - 0.4 * sigmoid, 1 - 0.4 * (1 - sigmoid), 0])


def test_efficient_without_spread_or_right_answers(judge: Any, judge_group: Any) -> None:
    assert judge(spec("efficient", alpha=0.4), "4", GOLD, completion_tokens=9).value == pytest.approx(0.8)
    assert [s.value for s in judge_group(spec("efficient"), members(("5", 1), ("5", 2)))] == [0, 0]


def test_what_is_counted(judge: Any) -> None:
    long = spec("overlong", max_length=10, cache=10)
    text = "one two three"
    assert judge({**long, "unit": "words"}, text).detail["length"] == 3
    assert judge({**long, "unit": "characters"}, text).detail["length"] == 13
    assert judge({**long, "without_tokens": "words"}, text).detail["length"] == 3
    assert judge({**long, "without_tokens": "words"}, text, completion_tokens=7).detail["length"] == 7


def test_tokens_that_nobody_counted_are_not_guessed(judge: Any) -> None:
    with pytest.raises(ItemInvalid, match="completion_tokens"):
        judge(spec("overlong", max_length=10, cache=10), "text")


def test_a_length_that_nobody_asked_for_is_invalid(judge: Any) -> None:
    with pytest.raises(ItemInvalid, match="target_length"):
        judge(spec("l1_exact"), "4", {"answer": "4"}, completion_tokens=3)


def test_only_the_forms_that_compare_are_group_rewards() -> None:
    extras = {"cosine": {"max_length": 9}, "overlong": {"max_length": 9, "cache": 9}}
    relative = {
        form
        for form in ("cosine", "overlong", "l1_exact", "l1_max", "kimi", "efficient")
        if isinstance(parse_reward(spec(form, **extras.get(form, {})), "r").reward, GroupReward)
    }
    assert relative == {"kimi", "efficient"}


@pytest.mark.parametrize(
    "bad",
    [
        {"type": "length"},
        {"type": "length", "form": "cosine", "max_length": 9},
        {"type": "length", "form": "cosine", "correct": RIGHT},
        {"type": "length", "form": "overlong", "max_length": 9},
        {"type": "length", "form": "overlong", "max_length": 9, "cache": 10},
        {"type": "length", "form": "overlong", "max_length": 9, "cache": 9, "alpha": 0.1},
        {"type": "length", "form": "kimi", "correct": RIGHT, "delta": 0.1},
    ],
)
def test_parameters_of_another_form_and_missing_ones_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(RequestInvalid):
        parse_reward(bad, "r")


def test_the_detail_says_what_the_value_was_worked_out_from(judge: Any, judge_group: Any) -> None:
    spec = {"type": "length", "form": "overlong", "max_length": 10, "cache": 5, "without_tokens": "words"}
    shown = judge(spec, "a b c d e f g h").detail
    assert shown == {"form": "overlong", "length": 8, "unit": "words", "free": 5, "max_length": 10}
    spec = {"type": "length", "form": "kimi", "correct": {"type": "finished"}}
    samples = [Sample("c", completion_tokens=tokens, finish_reason="stop") for tokens in (1, 5)]
    for score, length in zip(judge_group(spec, samples), (1, 5), strict=True):
        told = {"form": "kimi", "length": length, "unit": "tokens", "right": True}
        assert score.detail == {**told, "group_size": 2, "shortest": 1, "longest": 5}
