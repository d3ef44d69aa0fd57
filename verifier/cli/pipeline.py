"""Batches through a scorer, a few at a time, in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from verifier.cli.problems import RequestRefused
from verifier.cli.scorer import Scorer
from verifier.cli.source import Batch
from verifier.datasets.item import RewardChoice
from verifier.schema import JsonObject

_MAX_IN_FLIGHT = 4
"""Batches under way at once; with their size, the bound on memory."""


async def score_batches(
    scorer: Scorer,
    source: Iterable[Batch],
    rewards: RewardChoice | None,
    take: Callable[[Batch, JsonObject], None],
) -> None:
    """Score batches, and hand each with its response to ``take``, in order.

    Raises:
        RequestRefused: ``rewards`` are not as they must be.
    """
    under_way: deque[tuple[Batch, asyncio.Task[JsonObject]]] = deque()

    async def finish_first() -> None:
        batch, task = under_way.popleft()
        take(batch, await task)

    try:
        for batch in source:
            under_way.append((batch, asyncio.create_task(_score(scorer, batch, rewards))))
            if len(under_way) >= _MAX_IN_FLIGHT:
                await finish_first()
        while under_way:
            await finish_first()
    finally:
        for _, task in under_way:
            task.cancel()
        await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)


async def _score(scorer: Scorer, batch: Batch, rewards: RewardChoice | None) -> JsonObject:
    """Score a batch, less the items that are refused: those become malformed rows of it."""
    while batch.items:
        try:
            return await scorer.score(batch.request(rewards))
        except RequestRefused as refusal:
            refused = refusal.by_item()
            if not refused:
                raise
            batch.refuse(refused)
    return {"results": [], "graders": {}}
