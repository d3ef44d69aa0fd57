"""The item boundary: whatever a reward raises becomes this item's judgement, and no neighbour's."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable

import structlog

from verifier.errors import ErrorCode, ItemFaulted, ItemInvalid
from verifier.pool import Judgement
from verifier.rewards.base import Score

log = structlog.get_logger(__name__)


def judge(type_name: str, score: Callable[[], Score]) -> Judgement:
    """What became of a reward that is worked out here and now."""
    started = time.perf_counter()
    try:
        return Judgement(_finite(score()), (time.perf_counter() - started) * 1e3)
    except (ItemInvalid, ItemFaulted) as problem:
        return Judgement(problem)
    except Exception:  # noqa: BLE001 - a defect of ours must not spoil the item's neighbours
        return defect(type_name)


async def judge_remote(type_name: str, score: Awaitable[Score]) -> Judgement:
    """What became of a reward that another service works out."""
    started = time.perf_counter()
    try:
        return Judgement(_finite(await score), (time.perf_counter() - started) * 1e3)
    except (ItemInvalid, ItemFaulted) as problem:
        return Judgement(problem)
    except Exception:  # noqa: BLE001 - a defect of ours must not spoil the item's neighbours
        return defect(type_name)


def _finite(score: Score) -> Score:
    if not math.isfinite(score.value):
        raise ArithmeticError("the reward is not a finite number")
    return score


def defect(type_name: str) -> Judgement:
    """A fault of ours, logged with its trace; never a score."""
    log.exception("reward_defect", reward=type_name)
    return Judgement(
        ItemFaulted(ErrorCode.INTERNAL, "a defect of this server's grader; its log has the trace")
    )
