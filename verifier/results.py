"""From judgements to the response: components, statuses, weighted sums."""

from __future__ import annotations

import math

from verifier.errors import ErrorCode, ItemFaulted, ItemInvalid
from verifier.evaluation import Evaluation
from verifier.plan import Plan, PlannedItem
from verifier.pool import Judgement
from verifier.rewards.base import Score
from verifier.rewards.registry import BoundReward
from verifier.schema import ComponentResult, ItemError, ItemResult, ScoreResponse, Status

_LATE = Judgement(ItemFaulted(ErrorCode.DEADLINE, "not done by the request's deadline"))

_OVERFLOW = ItemError(
    ErrorCode.UNUSABLE_PARAMETER.value, "the weighted sum is not a finite number: lower the weights", False
)


def build_response(
    plan: Plan, evaluation: Evaluation, *, request_id: str, elapsed_ms: float, version: str
) -> ScoreResponse:
    """The response to a plan, in the order of its items."""
    results = [_item_result(index, item, evaluation) for index, item in enumerate(plan.items)]
    return ScoreResponse(results, dict(plan.graders), request_id, elapsed_ms, version)


def _item_result(index: int, item: PlannedItem, evaluation: Evaluation) -> ItemResult:
    components: list[ComponentResult] = []
    for number, bound in enumerate(item.components):
        judgement = evaluation.judgement(index, number) or _LATE
        if item.problem is not None:
            judgement = Judgement(item.problem)
        components.append(_component_result(bound, judgement))
    blocking = None if all(part.error is None for part in components) else _blocking(components)
    if blocking is not None:
        return ItemResult(item.id, index, blocking.status, None, components, blocking.error)
    reward = sum(part.weight * part.score for part in components if part.score is not None)
    if not math.isfinite(reward):
        return ItemResult(item.id, index, Status.INVALID, None, components, _OVERFLOW)
    return ItemResult(item.id, index, Status.OK, reward, components)


def _blocking(components: list[ComponentResult]) -> ComponentResult | None:
    """The component that leaves the item without a reward: an invalid one first, else one in error."""
    for status in (Status.INVALID, Status.ERROR):
        for component in components:
            if component.weight != 0 and component.status is status:
                return component
    return None


def _component_result(bound: BoundReward, judgement: Judgement) -> ComponentResult:
    outcome = judgement.outcome
    result = ComponentResult(
        name=bound.name,
        type=bound.reward.type_name,
        status=Status.OK,
        weight=bound.weight,
        elapsed_ms=round(judgement.elapsed_ms, 4),
    )
    if isinstance(outcome, Score):
        result.score, result.verdict, result.detail = outcome.value, outcome.verdict, outcome.detail
    else:
        retryable = not isinstance(outcome, ItemInvalid)
        result.status = Status.ERROR if retryable else Status.INVALID
        result.error = ItemError(outcome.code.value, outcome.message, retryable)
    return result
