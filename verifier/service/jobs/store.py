"""Jobs in Redis: any replica of the service can tell of them, and finish those of one that died.

A job is a hash, a list of its items' results in the order in which they came, and a lease that the replica at
work on it renews. Results are written only under the writer's own lease, so that a replica that was thought
dead and comes back adds nothing twice. All of it expires.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import WatchError

from verifier.errors import ErrorCode, RequestInvalid

OPEN_TTL_S = 86_400
"""How long a job may stay unfinished."""
LEASE_S = 20
_OPEN = "verifier:jobs:open"
_TRIES = 10


class JobStatus(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    """No result yet."""
    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELED = "canceled"


ENDED = frozenset({JobStatus.FINISHED, JobStatus.FAILED, JobStatus.CANCELED})


class LeaseLost(Exception):
    """Another replica is at work on the job, or it has been cancelled or has expired."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its submitter sees it."""

    id: str
    status: JobStatus
    created: float
    """Unix time."""
    summary: dict[str, Any] | None
    """Of a finished job: its response without the results."""
    error: dict[str, Any] | None
    """Of a failed job."""


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job as the replica sees it that goes on with it."""

    body: bytes
    created: float
    head: dict[str, Any]
    """What is known so far of the response, less its results."""


class JobStore:
    """The jobs of a service, whatever replica took them. Raises ``redis.RedisError`` where Redis fails."""

    def __init__(self, redis_url: str, result_ttl_s: int) -> None:
        self._redis: Redis = Redis.from_url(redis_url, socket_timeout=10, socket_connect_timeout=2)
        self._result_ttl_s = result_ttl_s
        self._token = uuid.uuid4().hex
        """This replica's, in the leases that it holds."""

    async def close(self) -> None:
        """Release the connections."""
        await self._redis.aclose()

    async def create(self, body: bytes, owner: str, idempotency_key: str | None) -> tuple[str, bool]:
        """A new job under this replica's lease, or the one made before with this key; and whether it is new.

        Raises:
            RequestInvalid: the key was used with another body.
        """
        digest = hashlib.sha256(body).hexdigest()
        memo = _memo_key(owner, idempotency_key) if idempotency_key is not None else None
        for _ in range(_TRIES):
            job_id = uuid.uuid4().hex
            async with self._redis.pipeline(transaction=True) as pipe:
                if memo is not None:
                    await pipe.watch(memo)
                    known = cast("bytes | None", await pipe.get(memo))
                    if known is not None and (found := await self._remembered(known.decode(), digest)):
                        return found, False
                pipe.multi()  # type: ignore[no-untyped-call]
                fields = {"owner": owner, "created": time.time(), "request": body}
                pipe.hset(_key(job_id), mapping=cast("dict[Any, Any]", fields))
                pipe.expire(_key(job_id), OPEN_TTL_S)
                pipe.set(_key(job_id, "lease"), self._token, ex=LEASE_S)
                pipe.zadd(_OPEN, {job_id: time.time()})
                if memo is not None:
                    pipe.set(memo, f"{job_id}:{digest}", ex=OPEN_TTL_S)
                try:
                    await pipe.execute()
                except WatchError:
                    continue
                return job_id, True
        raise RequestInvalid(ErrorCode.OVERLOADED, "many requests use this Idempotency-Key at once; retry")

    async def _remembered(self, known: str, digest: str) -> str | None:
        """The job of an idempotency key, unless it has expired."""
        job_id, _, known_digest = known.partition(":")
        if not await self._redis.exists(_key(job_id)):
            return None
        if known_digest != digest:
            message = "this Idempotency-Key was used with another body; use a new one"
            raise RequestInvalid(ErrorCode.IDEMPOTENCY_CONFLICT, message)
        return job_id

    async def get(self, job_id: str, owner: str) -> Job | None:
        """A job of this owner."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hmget(_key(job_id), ["owner", "created", "status", "summary", "error"])
            pipe.llen(_key(job_id, "results"))
            (its_owner, created, status, summary, error), done = await pipe.execute()
        if its_owner is None or its_owner.decode() != owner:
            return None
        running = JobStatus.STARTED if done else JobStatus.QUEUED
        return Job(
            id=job_id,
            status=JobStatus(status.decode()) if status else running,
            created=float(created),
            summary=orjson.loads(summary) if summary else None,
            error=orjson.loads(error) if error else None,
        )

    async def results(self, job_id: str, after: int = 0) -> list[bytes]:
        """The results of items, as JSON, in the order in which they came, from a position on."""
        return cast("list[bytes]", await self._redis.lrange(_key(job_id, "results"), after, -1))

    async def cancel(self, job_id: str) -> None:
        """End a job; what has been done of it stays until it expires."""
        await self._end(job_id, {"status": JobStatus.CANCELED.value})

    # For the replica that is at work on a job.

    async def abandoned(self) -> list[str]:
        """Open jobs that nobody is at work on."""
        await self._redis.zremrangebyscore(_OPEN, 0, time.time() - OPEN_TTL_S)
        members = cast("list[bytes]", await self._redis.zrange(_OPEN, 0, -1))
        job_ids = [job_id.decode() for job_id in members]
        async with self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.exists(_key(job_id, "lease"))
            leased = await pipe.execute()
        return [job_id for job_id, is_leased in zip(job_ids, leased, strict=True) if not is_leased]

    async def adopt(self, job_id: str) -> bool:
        """Take the lease of an abandoned job; whether nobody else did first."""
        return bool(await self._redis.set(_key(job_id, "lease"), self._token, ex=LEASE_S, nx=True))

    async def renew(self, job_ids: Sequence[str]) -> list[str]:
        """Renew leases; those that are no longer ours."""
        if not job_ids:
            return []
        values = await self._redis.mget([_key(job_id, "lease") for job_id in job_ids])
        lost = [job_id for job_id, value in zip(job_ids, values, strict=True) if not self._is_ours(value)]
        async with self._redis.pipeline(transaction=False) as pipe:
            for job_id in set(job_ids) - set(lost):
                pipe.expire(_key(job_id, "lease"), LEASE_S)
            await pipe.execute()
        return lost

    async def release(self, job_ids: Sequence[str]) -> None:
        """Give leases back, so that another replica goes on at once."""
        if job_ids:
            await self._redis.unlink(*(_key(job_id, "lease") for job_id in job_ids))

    async def open_job(self, job_id: str) -> OpenJob | None:
        """What is needed to go on with a job; None when it has ended or expired."""
        body, created, head = await self._redis.hmget(_key(job_id), ["request", "created", "head"])
        if body is None or created is None:
            return None
        return OpenJob(cast("bytes", body), float(created), orjson.loads(head) if head else {})

    async def add(self, job_id: str, results: Sequence[bytes], head: dict[str, Any]) -> None:
        """Append results of items, and note what else is to stand in the response.

        Raises:
            LeaseLost: it is not ours any more.
        """

        def write(pipe: Any) -> None:
            pipe.rpush(_key(job_id, "results"), *results)
            pipe.expire(_key(job_id, "results"), OPEN_TTL_S)
            pipe.hset(_key(job_id), "head", orjson.dumps(head))

        await self._under_lease(job_id, write)

    async def finish(self, job_id: str, summary: dict[str, Any]) -> None:
        """A job is done. Raises as ``add`` does."""
        await self._end_ours(job_id, {"status": JobStatus.FINISHED.value, "summary": orjson.dumps(summary)})

    async def fail(self, job_id: str, error: dict[str, Any]) -> None:
        """A job was refused by the workers. Raises as ``add`` does."""
        await self._end_ours(job_id, {"status": JobStatus.FAILED.value, "error": orjson.dumps(error)})

    async def _end_ours(self, job_id: str, fields: dict[str, Any]) -> None:
        await self._under_lease(job_id, lambda pipe: self._write_end(pipe, job_id, fields))

    async def _end(self, job_id: str, fields: dict[str, Any]) -> None:
        async with self._redis.pipeline(transaction=True) as pipe:
            self._write_end(pipe, job_id, fields)
            await pipe.execute()

    def _write_end(self, pipe: Any, job_id: str, fields: dict[str, Any]) -> None:
        pipe.hset(_key(job_id), mapping=fields)
        pipe.hdel(_key(job_id), "request")
        pipe.zrem(_OPEN, job_id)
        pipe.unlink(_key(job_id, "lease"))
        pipe.expire(_key(job_id), self._result_ttl_s)
        pipe.expire(_key(job_id, "results"), self._result_ttl_s)

    async def _under_lease(self, job_id: str, write: Callable[[Any], None]) -> None:
        """Write in one transaction that fails when the lease is not ours."""
        for _ in range(_TRIES):
            async with self._redis.pipeline(transaction=True) as pipe:
                await pipe.watch(_key(job_id, "lease"))
                if not self._is_ours(await pipe.get(_key(job_id, "lease"))):
                    raise LeaseLost
                pipe.multi()  # type: ignore[no-untyped-call]
                write(pipe)
                try:
                    await pipe.execute()
                except WatchError:
                    continue  # renewed meanwhile, most likely
                return
        raise LeaseLost

    def _is_ours(self, lease: Any) -> bool:
        return lease is not None and lease.decode() == self._token


def _key(job_id: str, part: str | None = None) -> str:
    return f"verifier:job:{job_id}" + (f":{part}" if part else "")


def _memo_key(owner: str, idempotency_key: str) -> str:
    return f"verifier:idempotency:{owner}:{hashlib.sha256(idempotency_key.encode()).hexdigest()}"
