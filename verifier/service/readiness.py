"""What this server can do right now, by capability."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from verifier.engine import Engine
from verifier.service.queue_probe import QueueProbe

Capability = Literal["math", "code", "queue"]


class CapabilityState(BaseModel):
    """Whether one thing can be done, and if not, why and what to do."""

    ready: bool
    reason: str | None = None


class Readiness(BaseModel):
    """The body of ``GET /ready``."""

    ready: bool
    capabilities: dict[Capability, CapabilityState]


async def _queue_state(probe: QueueProbe) -> CapabilityState:
    """Whether jobs can be taken."""
    if not probe.is_configured:
        return CapabilityState(ready=False, reason="no Redis: start with --redis-url URL or embedded")
    if await probe.look() is None:
        return CapabilityState(ready=False, reason="Redis does not answer")
    return CapabilityState(ready=True)


async def readiness(engine: Engine | None, queue: QueueProbe, require: Sequence[Capability]) -> Readiness:
    """The state of every capability; ``ready`` when mathematics and all that is required is ready."""
    if engine is None:
        waiting = CapabilityState(ready=False, reason="starting or draining")
        return Readiness(ready=False, capabilities={"math": waiting, "code": waiting, "queue": waiting})
    sandbox, queue_state = await asyncio.gather(engine.sandbox_ready(), _queue_state(queue))
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
