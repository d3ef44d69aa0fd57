"""The engine: a request in, its results out. Both doors, HTTP and queue, are thin around it."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import structlog

from sandbox.client import open_sandbox
from sandbox.schema import Capabilities
from verifier import metrics
from verifier.boundary import judge, judge_remote
from verifier.chat import ChatSettings, open_chat
from verifier.evaluation import Evaluation, LeafKey, Leaves
from verifier.plan import Plan, make_plan
from verifier.pool import Judgement, Pool, PoolCounts, PoolLimits, Task
from verifier.results import build_response
from verifier.rewards.base import ItemReward, RemoteReward
from verifier.rewards.math.versions import check_versions
from verifier.rewards.registry import load_plugins
from verifier.rewards.services import Services
from verifier.schema import ScoreRequest, ScoreResponse

VERSION = version("rlvr-verifier")

_YIELD_EVERY_S = 0.005
"""Cheap rewards run in the event loop; they let others have it this often."""
_INLINE_CHARACTERS = 100_000
"""Longer completions are judged in the scoring processes whatever the reward: the loop is everybody's."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How an engine is opened."""

    sandbox: str = "auto"
    """``auto``, ``docker``, ``local``, ``none``, or URLs of running services."""
    sandbox_api_key: str | None = None
    judge: ChatSettings | None = None
    """The model of the reward ``judge``."""
    plugins: tuple[Path, ...] = ()
    """Files that define reward types."""
    limits: PoolLimits = field(default_factory=lambda: PoolLimits(processes=os.cpu_count() or 1))


@asynccontextmanager
async def open_engine(settings: EngineSettings) -> AsyncIterator[Engine]:
    """An engine with its worker processes and its sandbox, all ended with the context.

    Raises:
        OSError: scoring processes cannot be started.
        WrongVersions: the installed libraries are not those that mathematics is scored with.
        PluginUnusable: a plugin defines no reward type, or one whose name is taken.
    """
    async with AsyncExitStack() as stack:
        check_versions()
        load_plugins(settings.plugins)
        pool = Pool(settings.limits, settings.plugins)
        stack.push_async_callback(pool.stop)
        sandbox, _ = await asyncio.gather(
            stack.enter_async_context(open_sandbox(settings.sandbox, api_key=settings.sandbox_api_key)),
            pool.start(),
        )
        chat = await stack.enter_async_context(open_chat(settings.judge)) if settings.judge else None
        yield Engine(pool, Services(sandbox=sandbox, judge=chat))


class Engine:
    """Scores requests. Belongs to one event loop."""

    def __init__(self, pool: Pool, services: Services) -> None:
        self._pool = pool
        self._services = services

    async def score(self, request: ScoreRequest, request_id: str | None = None) -> ScoreResponse:
        """Score a batch; what is not done by its deadline comes back as ``error/deadline``.

        Raises:
            RequestInvalid: a reward is not as it must be, or a grader pin does not hold.
        """
        started = time.perf_counter()
        plan = make_plan(request)
        evaluation = Evaluation(plan.items)
        with suppress(TimeoutError):
            async with asyncio.timeout(plan.deadline_s):
                await evaluation.run(self._judge)
        response = build_response(
            plan,
            evaluation,
            request_id=request_id or uuid.uuid4().hex,
            elapsed_ms=(time.perf_counter() - started) * 1e3,
            version=VERSION,
        )
        _account(plan, response)
        return response

    async def sandbox_ready(self) -> Capabilities:
        """What the sandbox can do now."""
        return await self._services.sandbox.ready()

    @property
    def pool_counts(self) -> PoolCounts:
        """The running totals of the scoring processes."""
        return self._pool.counts

    async def _judge(self, leaves: Leaves, known: Callable[[LeafKey, Judgement], None]) -> None:
        metrics.JUDGED.inc(len(leaves))
        inline: Leaves = {}
        isolated: Leaves = {}
        remote: Leaves = {}
        for key, leaf in leaves.items():
            bound, sample = leaf
            if isinstance(bound.reward, RemoteReward):
                remote[key] = leaf
            elif (
                cast("ItemReward[Any]", bound.reward).isolated or len(sample.completion) > _INLINE_CHARACTERS
            ):
                isolated[key] = leaf
            else:
                inline[key] = leaf
        async with asyncio.TaskGroup() as tasks:
            for key in remote:
                tasks.create_task(self._judge_remote(key, remote, known))
            tasks.create_task(self._judge_isolated(isolated, known))
            await _judge_inline(inline, known)

    async def _judge_isolated(self, leaves: Leaves, known: Callable[[LeafKey, Judgement], None]) -> None:
        keys = list(leaves)
        batch = [Task(bound.key, sample) for bound, sample in leaves.values()]
        await self._pool.run(batch, lambda index, judgement: known(keys[index], judgement))

    async def _judge_remote(
        self, key: LeafKey, leaves: Leaves, known: Callable[[LeafKey, Judgement], None]
    ) -> None:
        bound, sample = leaves[key]
        assert isinstance(bound.reward, RemoteReward)
        score = bound.reward.score(sample, bound.parameters, self._services)
        known(key, await judge_remote(bound.reward.type_name, score))


async def _judge_inline(leaves: Leaves, known: Callable[[LeafKey, Judgement], None]) -> None:
    yielded = time.perf_counter()
    for key, (bound, sample) in leaves.items():
        reward = cast("ItemReward[Any]", bound.reward)
        known(key, judge(reward.type_name, partial(reward.score, sample, bound.parameters)))
        if time.perf_counter() - yielded > _YIELD_EVERY_S:
            await asyncio.sleep(0)
            yielded = time.perf_counter()


def _account(plan: Plan, response: ScoreResponse) -> None:
    metrics.observe_response(response)
    log.info(
        "scored",
        request_id=response.request_id,
        run=plan.run,
        items=len(response.results),
        elapsed_ms=round(response.elapsed_ms, 3),
    )
