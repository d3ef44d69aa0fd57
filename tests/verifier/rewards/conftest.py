"""Scores one completion by one reward, without engine or request."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from verifier.rewards.base import Combinator, GroupReward, ItemReward, Member, Sample, Score
from verifier.rewards.registry import BoundReward, parse_reward

Judge = Callable[..., Score]
JudgeGroup = Callable[..., list[Score]]


def _score(bound: BoundReward, sample: Sample) -> Score:
    reward = bound.reward
    if isinstance(reward, Combinator):
        return reward.combine(sample, _parts(bound, sample), bound.parameters)
    if isinstance(reward, GroupReward):
        return reward.score_group([Member(sample, _parts(bound, sample))], bound.parameters)[0]
    assert isinstance(reward, ItemReward)
    return reward.score(sample, bound.parameters)


def _parts(bound: BoundReward, sample: Sample) -> dict[str, Callable[[], Score]]:
    return {path: partial(_score, part, sample) for path, part in bound.parts.items()}


@pytest.fixture(scope="session")
def judge() -> Judge:
    """``judge(spec, completion, reference, **sample fields)``."""

    def judged(
        spec: dict[str, Any], completion: str, reference: dict[str, Any] | None = None, **more: Any
    ) -> Score:
        return _score(parse_reward(spec, "reward"), Sample(completion, reference=reference, **more))

    return judged


@pytest.fixture(scope="session")
def judge_group() -> JudgeGroup:
    """``judge_group(spec, samples)``: the completions of one prompt."""

    def judged(spec: dict[str, Any], samples: list[Sample]) -> list[Score]:
        bound = parse_reward(spec, "reward")
        assert isinstance(bound.reward, GroupReward)
        members = [Member(sample, _parts(bound, sample)) for sample in samples]
        return bound.reward.score_group(members, bound.parameters)

    return judged
