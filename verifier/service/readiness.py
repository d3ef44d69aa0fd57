"""What this server can do right now, by capability."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from verifier.engine import Engine

Capability = Literal["math", "code", "queue"]


class CapabilityState(BaseModel):
    """Whether one thing can be done, and if not, why and what to do."""

    ready: bool
    reason: str | None = None


class Readiness(BaseModel):
    """The body of ``GET /ready``."""

    ready: bool
    capabilities: dict[Capability, CapabilityState]


class QueueProbe:
    """Asks Redis whether it answers; without a Redis, says so."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url

    async def state(self) -> CapabilityState:
        """Whether jobs can be taken."""
        if self._url == "none":
            return CapabilityState(ready=False, reason="no Redis: start with --redis-url URL or embedded")
        from redis.asyncio import Redis
        from redis.exceptions import RedisError

        client = Redis.from_url(self._url, socket_timeout=2, socket_connect_timeout=2)
        try:
            async with asyncio.timeout(3):
                await client.ping()
        except (RedisError, OSError, TimeoutError):
            return CapabilityState(ready=False, reason="Redis does not answer")
        finally:
            await client.aclose()
        return CapabilityState(ready=True)


async def readiness(engine: Engine | None, queue: QueueProbe, require: Sequence[Capability]) -> Readiness:
    """The state of every capability; ``ready`` when mathematics and all that is required is ready."""
    if engine is None:
        waiting = CapabilityState(ready=False, reason="starting or draining")
        return Readiness(ready=False, capabilities={"math": waiting, "code": waiting, "queue": waiting})
    sandbox, queue_state = await asyncio.gather(engine.sandbox_ready(), queue.state())
    capabilities: dict[Capability, CapabilityState] = {
        "math": CapabilityState(ready=True),
        "code": CapabilityState(ready=sandbox.ready, reason=sandbox.reason),
        "queue": queue_state,
    }
    needed = {"math", *require}
    return Readiness(
        ready=all(state.ready for name, state in capabilities.items() if name in needed),
        capabilities=capabilities,
    )
