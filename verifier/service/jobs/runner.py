"""Has jobs scored through the queue: splits them, feeds a few chunks of each at a time, keeps the results.

Jobs that nobody is at work on (their replica was killed) are taken over; what is done of them stays done.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import orjson
import structlog
from prometheus_client import Counter, Gauge
from redis.exceptions import RedisError

from trainer_client import QueueVerifier, RequestRejected, ScoreRequest, ScoreResponse
from trainer_client.batch import Batch, Chunk, rejection
from verifier.engine import VERSION
from verifier.errors import ErrorCode, RequestInvalid
from verifier.service.budget import ByteBudget, Share
from verifier.service.jobs.store import JobStore, LeaseLost, OpenJob

CHUNK_ITEMS = 64
CHUNK_BYTES = 4 << 20
CHUNKS_AT_ONCE = 16
"""Of one job: batches share the queue by chunks, so a huge one must not have all of its own there."""
RENEW_S = 5.0

OPEN = Gauge("verifier_jobs_open", "Jobs that this replica is at work on.")
HELD = Gauge("verifier_job_bytes", "Bytes of the requests of those jobs.")
ENDED = Counter("verifier_jobs", "Jobs ended by this replica, by how.", ["status"])

log = structlog.get_logger(__name__)


class JobRunner:
    """The jobs that this replica is at work on."""

    def __init__(self, store: JobStore, redis_url: str, max_bytes: int) -> None:
        self._store = store
        self._verifier = QueueVerifier(redis_url, max_items=CHUNK_ITEMS, max_bytes=CHUNK_BYTES)
        self._budget = ByteBudget(max_bytes, HELD)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._progress: dict[str, asyncio.Event] = {}
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Leave the jobs to other replicas, or to the next start."""
        self._keeper.cancel()
        job_ids = list(self._tasks)
        tasks = [self._keeper, *self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(RedisError, OSError):
            await self._store.release(job_ids)
        await asyncio.to_thread(self._verifier.close)

    async def create(self, body: bytes, owner: str, idempotency_key: str | None) -> str:
        """A job for this request, which has been checked; its id.

        Raises:
            RequestInvalid: too many bytes of open jobs, or an idempotency key used with another body.
        """
        share = Share(self._budget)
        share.take(len(body))
        try:
            job_id, is_new = await self._store.create(body, owner, idempotency_key)
        except BaseException:
            share.release()
            raise
        if is_new:
            self._launch(job_id, share)
        else:
            share.release()
        return job_id

    async def cancel(self, job_id: str) -> None:
        """End a job and take what is left of it off the queue."""
        await self._store.cancel(job_id)
        if task := self._tasks.get(job_id):
            task.cancel()
        ENDED.labels("canceled").inc()

    async def wait(self, job_id: str, seconds: float) -> None:
        """Until the job gets further, but no longer; other replicas' jobs are looked at twice a second."""
        event = self._progress.get(job_id)
        if event is None:
            await asyncio.sleep(min(seconds, 0.5))
        else:
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), seconds)

    def _launch(self, job_id: str, share: Share) -> None:
        self._tasks[job_id] = asyncio.create_task(self._run(job_id))
        self._progress[job_id] = asyncio.Event()
        self._tasks[job_id].add_done_callback(lambda _: self._forget(job_id, share))
        OPEN.set(len(self._tasks))

    def _forget(self, job_id: str, share: Share) -> None:
        self._tasks.pop(job_id, None)
        share.release()
        OPEN.set(len(self._tasks))
        self._progress.pop(job_id).set()

    def _tell(self, job_id: str) -> None:
        event, self._progress[job_id] = self._progress[job_id], asyncio.Event()
        event.set()

    async def _keep(self) -> None:
        """Renew our leases; take over what nobody is at work on."""
        while True:
            try:
                for job_id in await self._store.renew(list(self._tasks)):
                    if task := self._tasks.get(job_id):
                        task.cancel()
                for job_id in await self._store.abandoned():
                    await self._adopt(job_id)
            except (RedisError, OSError) as error:
                log.warning("jobs_unattended", error=type(error).__name__)
            await asyncio.sleep(RENEW_S)

    async def _adopt(self, job_id: str) -> None:
        found = await self._store.open_job(job_id)
        if job_id in self._tasks or found is None:
            return
        share = Share(self._budget)
        try:
            share.take(len(found.body))
        except RequestInvalid:
            return  # no room now: later, or another replica
        if await self._store.adopt(job_id):
            self._launch(job_id, share)
        else:
            share.release()

    async def _run(self, job_id: str) -> None:
        try:
            await self._score(job_id)
        except LeaseLost:
            log.info("job_left", job_id=job_id)
        except (RedisError, OSError) as error:
            # Its lease runs out, and it is taken over: here, when Redis is back, or by another replica.
            log.warning("job_interrupted", job_id=job_id, error=type(error).__name__)
        except Exception:
            log.exception("job_defect", job_id=job_id)
            message = "a defect of this server; its log has the trace under the job's id"
            with suppress(LeaseLost, RedisError):
                await self._fail(job_id, {"code": ErrorCode.INTERNAL.value, "message": message})

    async def _score(self, job_id: str) -> None:
        found = await self._store.open_job(job_id)
        if found is None:
            return
        run = _Run(job_id, found)
        for result in await self._store.results(job_id):
            run.done.add(orjson.loads(result)["index"])
        try:
            async with asyncio.timeout(run.left_s()):
                await self._score_chunks(run)
        except TimeoutError:
            await self._write(run, run.late())
        except RequestRejected as refusal:
            await self._fail(job_id, _error(refusal))
            return
        await self._store.finish(job_id, run.summary())
        ENDED.labels("finished").inc()

    async def _fail(self, job_id: str, error: dict[str, Any]) -> None:
        await self._store.fail(job_id, error)
        ENDED.labels("failed").inc()

    async def _score_chunks(self, run: _Run) -> None:
        turns = asyncio.Semaphore(CHUNKS_AT_ONCE)
        try:
            async with asyncio.TaskGroup() as tasks:
                for chunk in run.batch.chunks():
                    if not chunk.indices or not run.done.issuperset(chunk.indices):
                        tasks.create_task(self._score_chunk(run, chunk, turns))
        except ExceptionGroup as group:
            raise group.exceptions[0] from group

    async def _score_chunk(self, run: _Run, chunk: Chunk, turns: asyncio.Semaphore) -> None:
        async with turns:
            request = cast("ScoreRequest", orjson.loads(chunk.encode()))
            if (left_s := run.left_s()) is not None:
                request["deadline_s"] = max(left_s, 0.001)
            try:
                answer = await self._verifier.score_async(request)
            except RequestRejected as refusal:
                raise rejection(chunk, _error(refusal)) from None
        run.learn(answer)
        results = zip(chunk.indices, answer["results"], strict=True)
        await self._write(run, [{**result, "index": index} for index, result in results])

    async def _write(self, run: _Run, results: Sequence[dict[str, Any]]) -> None:
        if results:
            await self._store.add(run.job_id, [orjson.dumps(result) for result in results], run.head)
            run.done.update(result["index"] for result in results)
            self._tell(run.job_id)


def _error(refusal: RequestRejected) -> dict[str, Any]:
    return {"code": refusal.code, "message": refusal.message, "fields": refusal.fields}


class _Run:
    """One job while it is being scored."""

    def __init__(self, job_id: str, job: OpenJob) -> None:
        request = orjson.loads(job.body)
        self.job_id = job_id
        self.batch = Batch(cast("ScoreRequest", request), max_items=CHUNK_ITEMS, max_bytes=CHUNK_BYTES)
        self.done: set[int] = set()
        self.head: dict[str, Any] = {"graders": {}, "version": VERSION, **job.head, "request_id": job_id}
        self._ids = [item.get("id") for item in request["items"]]
        self._created = job.created
        self._deadline_s: float | None = request.get("deadline_s")

    def learn(self, answer: ScoreResponse) -> None:
        """Take over what the workers say beside the results."""
        self.head["graders"] |= answer["graders"]
        self.head["version"] = answer["version"] or self.head["version"]

    def left_s(self) -> float | None:
        """Seconds until the deadline, counted from when the job came."""
        return None if self._deadline_s is None else self._created + self._deadline_s - time.time()

    def late(self) -> list[dict[str, Any]]:
        """What is not done by the deadline, as results."""
        message = "not done by the request's deadline"
        error = {"code": ErrorCode.DEADLINE.value, "message": message, "retryable": True}
        fault: dict[str, Any] = {"status": "error", "reward": None, "components": [], "error": error}
        return [
            {"id": item_id, "index": index, **fault}
            for index, item_id in enumerate(self._ids)
            if index not in self.done
        ]

    def summary(self) -> dict[str, Any]:
        """The response, less its results."""
        return {**self.head, "elapsed_ms": max(0.0, time.time() - self._created) * 1e3}
