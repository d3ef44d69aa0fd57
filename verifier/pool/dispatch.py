"""The pool: chunks to workers, batches in turn, and what becomes of a task that breaks its worker.

A task that uses up its CPU was judged: ``timeout``. One that fails in any other way is repeated alone in a
fresh worker, since the first failure may have been another's doing. Failing there again, it was the task that
ran out of memory or stack, or, where a control task passes, that brought its worker down: judged. Faults of
ours are a standstill without CPU used, a control that fails too, and a reward that raises.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import structlog

from verifier.errors import ErrorCode, ItemFaulted, ItemInvalid
from verifier.pool.process import ChunkEnd, Ending, PoolLimits, WorkerProcess, Zygote
from verifier.rewards.base import Sample, Score
from verifier.schema import Verdict

log = structlog.get_logger(__name__)

_SAMPLE_FIELDS = tuple(field.name for field in fields(Sample))  # asdict would copy every reference
_MAX_CHUNK = 64
_MAX_CHUNK_CHARACTERS = 4 << 20
_TASKS_BEFORE_RENEWAL = 20_000
"""A worker is replaced after this many tasks, so that what libraries cache stays bounded."""


@dataclass(frozen=True, slots=True)
class Task:
    """One sample to be scored by one reward."""

    spec: bytes
    """The reward's specification as canonical JSON (``BoundReward.key``)."""
    sample: Sample


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a task: a score, or why there is none."""

    outcome: Score | ItemInvalid | ItemFaulted
    elapsed_ms: float = 0.0


@dataclass(slots=True, eq=False)
class _Batch:
    tasks: Sequence[Task]
    on_judgement: Callable[[int, Judgement], None]
    done: asyncio.Future[None]
    next: int = 0
    left: int = 0

    def is_open(self) -> bool:
        """Whether somebody still waits for it."""
        return not self.done.done()

    def settle(self, index: int, judgement: Judgement) -> None:
        if self.is_open():
            self.on_judgement(index, judgement)
            self.left -= 1
            if self.left == 0:
                self.done.set_result(None)


@dataclass(slots=True)
class PoolCounts:
    """Running totals, for metrics."""

    workers_started: int = 0
    cpu_limits: int = 0
    repeats: int = 0
    waiting: int = 0


@dataclass(slots=True)
class Pool:
    """Worker processes and the batches they work on. Belongs to one event loop."""

    limits: PoolLimits
    plugins: Sequence[Path] = ()
    """Files that define reward types, loaded by the workers too."""
    counts: PoolCounts = field(default_factory=PoolCounts)
    _zygote: Zygote = field(init=False)
    _open: set[_Batch] = field(default_factory=set)
    _batches: deque[_Batch] = field(default_factory=deque)
    """Of those open, the ones with tasks that no worker has taken yet."""
    _wake: asyncio.Condition = field(default_factory=asyncio.Condition)
    _hands: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._zygote = Zygote(self.limits.memory_mb, self.plugins)

    async def start(self) -> None:
        """Start the zygote and one worker, so that a broken installation shows at once.

        Raises:
            OSError: no worker could be started.
        """
        first = await self._fork()
        self._hands = [
            asyncio.create_task(self._work(first if number == 0 else None))
            for number in range(self.limits.processes)
        ]

    async def stop(self) -> None:
        """Kill every worker; batches still running are cancelled."""
        for hand in self._hands:
            hand.cancel()
        await asyncio.gather(*self._hands, return_exceptions=True)
        for batch in self._open:
            batch.done.cancel()
        self._zygote.stop()

    async def run(self, tasks: Sequence[Task], on_judgement: Callable[[int, Judgement], None]) -> None:
        """Judge all tasks; ``on_judgement(index, judgement)`` is called once for each, in any order.

        Cancelled, it starts no more of its tasks and calls back no more.
        """
        if not tasks:
            return
        done = asyncio.get_running_loop().create_future()
        batch = _Batch(tasks, on_judgement, done, left=len(tasks))
        self._open.add(batch)
        async with self._wake:
            self._batches.append(batch)
            self.counts.waiting += len(tasks)
            self._wake.notify_all()
        try:
            await done
        finally:
            done.cancel()
            self._open.discard(batch)
            if batch.next < len(tasks):
                self.counts.waiting -= len(tasks) - batch.next
                batch.next = len(tasks)
                self._batches.remove(batch)

    async def _work(self, worker: WorkerProcess | None) -> None:
        """One hand: takes the next chunk, of each batch in turn, for ever."""
        try:
            while True:
                batch, indices = await self._next_chunk()
                try:
                    worker = await self._run_chunk(worker, batch, indices)
                except Exception as defect:  # noqa: BLE001 - a hand that died would leave its batch waiting
                    batch.done.set_exception(defect)
                    worker = None
        finally:
            if worker is not None:
                worker.kill()

    async def _next_chunk(self) -> tuple[_Batch, list[int]]:
        async with self._wake:
            await self._wake.wait_for(lambda: bool(self._batches))
            batch = self._batches.popleft()
            share = math.ceil((len(batch.tasks) - batch.next) / (2 * self.limits.processes))
            indices: list[int] = []
            characters = 0
            while batch.next < len(batch.tasks) and len(indices) < min(share, _MAX_CHUNK):
                indices.append(batch.next)
                characters += len(batch.tasks[batch.next].sample.completion)
                batch.next += 1
                if characters > _MAX_CHUNK_CHARACTERS:
                    break
            self.counts.waiting -= len(indices)
            if batch.next < len(batch.tasks):
                self._batches.append(batch)
            return batch, indices

    async def _run_chunk(
        self, worker: WorkerProcess | None, batch: _Batch, indices: list[int]
    ) -> WorkerProcess | None:
        """Judge these tasks of a batch, whatever happens to workers; returns a worker that still lives."""
        while indices and batch.is_open():
            try:
                worker = worker or await self._fork()
            except OSError as error:
                for index in indices:
                    batch.settle(index, Judgement(ItemFaulted(ErrorCode.WORKER_LOST, str(error))))
                return None
            suspects: list[int] = []
            end = await self._exchange(worker, batch, indices, suspects)
            if end.ending is not Ending.FINISHED:
                worker = None
                self._settle_culprit(end, batch, indices[end.culprit], suspects)
            elif suspects or worker.tasks_done > _TASKS_BEFORE_RENEWAL:
                worker.kill()
                worker = None
            for index in suspects if batch.is_open() else ():
                batch.settle(index, await self._judge_alone(batch.tasks[index], batch.is_open))
            # What the worker had done without its reply getting through is simply scored again.
            indices = indices[end.answered : end.culprit] + indices[end.culprit + 1 :]
        return worker

    async def _exchange(
        self, worker: WorkerProcess, batch: _Batch, indices: list[int], suspects: list[int]
    ) -> ChunkEnd:
        """Run one chunk, settling what is judged and collecting in ``suspects`` what failed."""

        def on_reply(position: int, reply: Any) -> None:
            judgement = _judgement(reply)
            if judgement is None:
                suspects.append(indices[position])
            else:
                batch.settle(indices[position], judgement)

        tasks = [_wire(batch.tasks[index]) for index in indices]
        return await worker.run(tasks, on_reply, self.limits, batch.is_open)

    def _settle_culprit(self, end: ChunkEnd, batch: _Batch, culprit: int, suspects: list[int]) -> None:
        if end.ending is Ending.CPU_LIMIT:
            batch.settle(culprit, self._out_of_cpu())
        else:
            suspects.append(culprit)

    async def _judge_alone(self, task: Task, wanted: Callable[[], bool]) -> Judgement:
        """The second and last try of a task that failed once: alone, in a fresh worker."""
        self.counts.repeats += 1
        try:
            end, reply = await self._run_alone(task, wanted)
            judgement = _judgement(reply)
            if judgement is not None:
                return judgement
            if end.ending is Ending.CPU_LIMIT:
                return self._out_of_cpu()
            if end.ending is Ending.STALLED:
                return Judgement(
                    ItemFaulted(
                        ErrorCode.WORKER_STALLED,
                        "this machine gave the item no CPU time within the wall limit, twice; retry",
                    )
                )
            if reply is not None:
                return self._failed(reply)
            _, control = await self._run_alone(replace(task, sample=Sample(completion="")), wanted)
        except OSError as error:
            return Judgement(ItemFaulted(ErrorCode.WORKER_LOST, str(error)))
        if control is None:
            return Judgement(ItemFaulted(ErrorCode.WORKER_LOST, "scoring processes die on any item; retry"))
        return Judgement(Score(0.0, Verdict.RUNTIME_ERROR, {"reason": "brought_its_process_down"}))

    def _failed(self, reply: Any) -> Judgement:
        """What a task comes to whose reward raised, twice."""
        failed = reply.get("failed") if isinstance(reply, dict) else None
        if failed == "memory":
            detail = {"reason": "memory_limit", "memory_mb": self.limits.memory_mb}
            return Judgement(Score(0.0, Verdict.MEMORY_LIMIT, detail))
        if failed == "recursion":
            return Judgement(Score(0.0, Verdict.RUNTIME_ERROR, {"reason": "nested_too_deeply"}))
        trace = reply.get("trace") if isinstance(reply, dict) else None
        log.error("reward_defect", trace=trace)
        return Judgement(
            ItemFaulted(ErrorCode.INTERNAL, "a defect of this server's grader; its log has the trace")
        )

    async def _run_alone(self, task: Task, wanted: Callable[[], bool]) -> tuple[ChunkEnd, Any]:
        worker = await self._fork()
        replies: list[Any] = []
        try:
            end = await worker.run(
                [_wire(task)],
                lambda _, reply: replies.append(reply),
                self.limits,
                wanted,
            )
        finally:
            worker.kill()
        return end, replies[0] if replies else None

    async def _fork(self) -> WorkerProcess:
        worker = await self._zygote.fork()
        self.counts.workers_started += 1
        return worker

    def _out_of_cpu(self) -> Judgement:
        self.counts.cpu_limits += 1
        detail = {"reason": "timeout", "cpu_s": self.limits.cpu_s}
        return Judgement(Score(0.0, Verdict.TIMEOUT, detail), self.limits.cpu_s * 1e3)


def _wire(task: Task) -> dict[str, Any]:
    sample = {name: getattr(task.sample, name) for name in _SAMPLE_FIELDS}
    return {"spec": task.spec.decode(), "sample": sample}


def _judgement(reply: Any) -> Judgement | None:
    """What a worker's reply says; None when it says that the task failed, or nothing that makes sense."""
    try:
        elapsed_ms = float(reply["ms"])
        if "invalid" in reply:
            return Judgement(ItemInvalid(ErrorCode(reply["invalid"]), str(reply["message"])), elapsed_ms)
        value = float(reply["value"])
        if not math.isfinite(value) or not isinstance(reply["detail"], dict):
            return None
        return Judgement(Score(value, Verdict(reply["verdict"]), reply["detail"]), elapsed_ms)
    except (KeyError, TypeError, ValueError):
        return None
