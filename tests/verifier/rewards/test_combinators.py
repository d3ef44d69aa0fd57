"""Rewards that hold rewards."""

from __future__ import annotations

from typing import Any

import pytest

from verifier.errors import ErrorCode, ItemInvalid, RequestInvalid
from verifier.rewards.base import Sample, Score
from verifier.rewards.combinators import GateParameters, GateReward, SwitchParameters, SwitchReward
from verifier.rewards.registry import parse_reward
from verifier.schema import Verdict

BOX = {"type": "format", "preset": "boxed"}
THINK = {"type": "format", "preset": "think"}
RIGHT = {"type": "exact", "extract": "boxed"}
BOXED_RIGHT = "<think>a</think> \\boxed{4}"
REFERENCE = {"answer": "4"}


@pytest.mark.parametrize(
    ("spec", "completion", "value"),
    [
        ({"type": "all_of", "of": [BOX, THINK]}, BOXED_RIGHT, 1),
        ({"type": "all_of", "of": [BOX, THINK]}, "\\boxed{4}", 0),
        ({"type": "any_of", "of": [BOX, THINK]}, "\\boxed{4}", 1),
        ({"type": "any_of", "of": [BOX, THINK]}, "4", 0),
        ({"type": "any_of", "of": [{"type": "scale", "of": BOX, "factor": 2}, THINK]}, BOXED_RIGHT, 2),
        ({"type": "gate", "if": BOX, "then": RIGHT, "else": -1}, BOXED_RIGHT, 1),
        ({"type": "gate", "if": BOX, "then": RIGHT, "else": -1}, "\\boxed{5}", 0),
        ({"type": "gate", "if": BOX, "then": RIGHT, "else": -1}, "5", -1),
        ({"type": "gate", "if": BOX, "then": RIGHT}, "5", 0),
        ({"type": "scale", "of": RIGHT, "factor": 2, "offset": -1}, BOXED_RIGHT, 1),
        ({"type": "scale", "of": RIGHT, "factor": 2, "offset": -1}, "\\boxed{5}", -1),
        ({"type": "scale", "of": {"type": "tag_count", "tags": ["think"]}, "exponent": 4}, "<think>", 0.0625),
        ({"type": "clip", "of": {"type": "scale", "of": BOX, "factor": 9}, "high": 3}, BOXED_RIGHT, 3),
        ({"type": "clip", "of": {"type": "scale", "of": BOX, "factor": -9}, "low": -3}, BOXED_RIGHT, -3),
        ({"type": "clip", "of": BOX, "low": 0, "high": 1}, BOXED_RIGHT, 1),
    ],
)
def test_what_they_make_of_their_parts(
    judge: Any, spec: dict[str, Any], completion: str, value: float
) -> None:
    assert judge(spec, completion, REFERENCE).value == value


def test_a_gate_opens_above_its_threshold_only(judge: Any) -> None:
    half = {"type": "tag_count", "tags": ["think"]}
    assert judge({"type": "gate", "if": half, "then": BOX}, "<think> \\boxed{4}").value == 0
    assert judge({"type": "gate", "if": half, "then": BOX, "above": 0.4}, "<think> \\boxed{4}").value == 1


def test_a_closed_gate_never_asks_for_what_it_guards() -> None:
    def unwanted() -> Score:
        raise AssertionError("ran a part that nobody asked for")

    parameters = GateParameters.model_validate({"type": "gate", "if": BOX, "then": RIGHT, "else": -1})
    parts = {"if": lambda: Score(0.0, Verdict.NO_ANSWER), "then": unwanted}
    closed = GateReward().combine(Sample(""), parts, parameters)
    assert (closed.value, closed.verdict) == (-1, Verdict.NO_ANSWER)


def test_a_switch_runs_the_case_that_the_metadata_names() -> None:
    parameters = SwitchParameters.model_validate(
        {"type": "switch", "on": "metadata.a.b", "cases": {"math": BOX, "code": THINK}}
    )
    parts = {
        "cases.math": lambda: Score(1.0, Verdict.CORRECT),
        "cases.code": lambda: Score(2.0, Verdict.CORRECT),
    }
    for ability, value in (("math", 1), ("code", 2)):
        sample = Sample("", metadata={"a": {"b": ability}})
        assert SwitchReward().combine(sample, parts, parameters).value == value


@pytest.mark.parametrize("metadata", [{}, {"ability": "poetry"}, {"ability": 3}, {"ability": {}}])
def test_a_switch_takes_its_default_or_is_invalid(judge: Any, metadata: dict[str, Any]) -> None:
    spec = {"type": "switch", "on": "metadata.ability", "cases": {"math": THINK}}
    assert judge({**spec, "default": BOX}, "\\boxed{4}", metadata=metadata).value == 1
    with pytest.raises(ItemInvalid) as invalid:
        judge(spec, "\\boxed{4}", metadata=metadata)
    assert invalid.value.code is ErrorCode.UNUSABLE_PARAMETER


def test_a_value_per_verdict(judge: Any) -> None:
    spec = {"type": "by_verdict", "of": RIGHT, "values": {"correct": 2, "incorrect": -1.5}}
    assert judge(spec, "\\boxed{4}", REFERENCE).value == 2
    assert judge(spec, "\\boxed{5}", REFERENCE).value == -1.5
    assert judge(spec, "", REFERENCE).value == 0, "a verdict without a value keeps its score"


def test_the_detail_shows_every_part_that_was_asked(judge: Any) -> None:
    score = judge({"type": "gate", "if": BOX, "then": RIGHT}, "\\boxed{5}", REFERENCE)
    assert score.verdict is Verdict.INCORRECT
    assert score.detail["parts"]["then"]["detail"]["extracted"] == "5"
    assert score.detail["parts"]["if"]["score"] == 1


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"type": "all_of", "of": []}, "reward.of"),
        ({"type": "gate", "if": BOX}, "reward.then"),
        ({"type": "gate", "if": {"type": "nope"}, "then": BOX}, "reward.if.type"),
        ({"type": "gate", "if": BOX, "then": {"type": "exact", "colour": 1}}, "reward.then.colour"),
        ({"type": "switch", "on": "prompt", "cases": {"a": BOX}}, "reward.on"),
        ({"type": "switch", "on": "metadata.a", "cases": {"a": {"type": "nope"}}}, "reward.cases.a.type"),
        ({"type": "clip", "of": BOX}, "reward"),
        ({"type": "clip", "of": BOX, "low": 2, "high": 1}, "reward"),
        ({"type": "by_verdict", "of": BOX, "values": {"perfect": 1}}, "reward.values.perfect.[key]"),
    ],
)
def test_what_is_refused_is_named(spec: dict[str, Any], path: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        parse_reward(spec, "reward")
    assert refused.value.fields[0].path == path


def test_a_power_of_a_negative_score_is_invalid(judge: Any) -> None:
    spec = {"type": "scale", "of": {"type": "scale", "of": BOX, "factor": -1}, "exponent": 2}
    with pytest.raises(ItemInvalid):
        judge(spec, "\\boxed{4}")


def test_numbers_beyond_all_numbers_are_invalid_and_no_score(judge: Any) -> None:
    huge = {"type": "scale", "of": BOX, "factor": 1e300}
    with pytest.raises(ItemInvalid):
        judge({"type": "scale", "of": huge, "factor": 1e300}, "\\boxed{4}")
