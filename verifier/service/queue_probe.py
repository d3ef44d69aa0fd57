"""Asks Redis whether it answers, and how the queue stands."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from verifier.settings import WorkerSettings

_QUEUE = WorkerSettings.model_fields["queue"].default
_ASK_S = 2.0


@dataclass(frozen=True, slots=True)
class QueueState:
    """The queue at one moment."""

    jobs: int
    """That wait."""
    age_s: float
    """Of the oldest of them."""
    workers: int


class QueueProbe:
    """One connection to Redis, for looking."""

    def __init__(self, redis_url: str) -> None:
        self.is_configured = redis_url != "none"
        self._redis = self._connect(redis_url) if self.is_configured else None

    @staticmethod
    def _connect(redis_url: str) -> Redis:
        return Redis.from_url(redis_url, socket_timeout=_ASK_S, socket_connect_timeout=_ASK_S)

    async def look(self) -> QueueState | None:
        """How the queue stands; None where there is none, or Redis does not answer."""
        if self._redis is None:
            return None
        try:
            async with asyncio.timeout(_ASK_S + 1):
                return await self._look(self._redis)
        except (RedisError, OSError, TimeoutError):
            return None

    async def close(self) -> None:
        """Release the connection."""
        if self._redis is not None:
            await self._redis.aclose()

    async def _look(self, redis: Redis) -> QueueState:
        async with redis.pipeline(transaction=False) as pipe:
            pipe.llen(f"rq:queue:{_QUEUE}")
            pipe.scard(f"rq:workers:{_QUEUE}")
            pipe.lindex(f"rq:queue:{_QUEUE}", 0)
            jobs, workers, oldest = await pipe.execute()
        age_s = 0.0
        if oldest is not None:
            enqueued = cast("bytes | None", await redis.hget(f"rq:job:{oldest.decode()}", "enqueued_at"))
            age_s = _age_s(enqueued)
        return QueueState(jobs, age_s, workers)


def _age_s(enqueued_at: bytes | None) -> float:
    """RQ writes UTC as ``2026-01-02T03:04:05.678901Z``; whoever can write to Redis can write anything."""
    try:
        enqueued = datetime.fromisoformat((enqueued_at or b"").decode())
    except ValueError:
        return 0.0
    return max(0.0, (datetime.now(UTC) - enqueued).total_seconds()) if enqueued.tzinfo else 0.0
