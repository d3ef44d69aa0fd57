"""A worker process with a stub for an engine: what the queue does must not depend on how things are scored.

An item's completion is a command to the stub: ``sleep 3``, ``raise``, ``raise once KEY``, ``kill once KEY``,
``crash always``, ``fault once KEY``, ``has a reference``; anything else scores its length.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis import Redis

from verifier.errors import ErrorCode, RequestInvalid
from verifier.queue.process import die_with, work
from verifier.queue.settings import ProcessSettings
from verifier.schema import Item, ItemError, ItemResult, ScoreRequest, ScoreResponse, Status


class StubEngine:
    """Scores by the length of the completion, and counts in Redis what it ran."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def score(self, request: ScoreRequest, request_id: str | None = None) -> ScoreResponse:
        if not request.rewards:
            raise RequestInvalid(ErrorCode.VALIDATION_FAILED, "rewards are missing")
        self._references = request.references
        results = [await self._score(index, item) for index, item in enumerate(request.items)]
        return ScoreResponse(results, {"stub": 1}, request_id or "", 1.0, "0")

    async def _score(self, index: int, item: Item) -> ItemResult:
        completion = str(item.completion)
        self._redis.hincrby("stub:runs", completion, 1)
        match completion.split():
            case ["sleep", seconds]:
                await asyncio.sleep(float(seconds))
            case ["has", _]:
                reference = item.reference
                held = self._references[reference] if isinstance(reference, str) else reference or {}
                return ItemResult(item.id, index, Status.OK, float(len(held["answer"])), [])
            case ["raise"]:
                raise ZeroDivisionError
            case ["raise", "once", key] if self._redis.set(f"stub:raised:{key}", 1, nx=True):
                raise ZeroDivisionError
            case ["fault", "once", key] if self._redis.set(f"stub:faulted:{key}", 1, nx=True):
                error = ItemError("sandbox_unavailable", "gone for the moment", retryable=True)
                return ItemResult(item.id, index, Status.ERROR, None, [], error)
            case ["kill", "once", key] if self._redis.set(f"stub:killed:{key}", 1, nx=True):
                os.kill(os.getpid(), signal.SIGKILL)
            case ["crash", "always"]:
                os.kill(os.getpid(), signal.SIGSEGV)
        return ItemResult(item.id, index, Status.OK, float(len(completion)), [])


@asynccontextmanager
async def open_stub(settings: ProcessSettings) -> AsyncIterator[StubEngine]:
    with Redis.from_url(settings.redis_url) as redis:
        yield StubEngine(redis)


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    stdin = ProcessSettings.from_json(sys.stdin.buffer.read())
    work(stdin, open_stub(stdin))
