"""The HTTP app: routes, wearing their middlewares."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI
from prometheus_client import REGISTRY

from verifier.engine import VERSION, EngineSettings, open_engine
from verifier.service.admission import Admission
from verifier.service.audit import Audit, AuditSettings
from verifier.service.gauges import PoolCollector
from verifier.service.handlers import add_handlers
from verifier.service.jobs.routes import Jobs, JobsDoor, make_jobs_router
from verifier.service.jobs.runner import JobRunner
from verifier.service.jobs.store import JobStore
from verifier.service.keys import KeyLimits, KeyRing
from verifier.service.middleware.auth import AuthMiddleware
from verifier.service.middleware.body import BodyMiddleware
from verifier.service.middleware.head import HeadMiddleware
from verifier.service.middleware.request_id import RequestIdMiddleware
from verifier.service.openapi import document
from verifier.service.queue_probe import QueueProbe
from verifier.service.routes import Door, make_router

_DESCRIPTION = """Rewards by rules for reinforcement learning: mathematics, unit tests in jails, formats.

A fault of the server is never a score: such items come back with `status: error` and a null reward."""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What the HTTP door is told."""

    redis_url: str = "none"
    keys: KeyRing | None = None
    key_limits: KeyLimits = field(default_factory=KeyLimits)
    max_items_in_flight: int = 16_384
    max_held_bytes: int = 512 << 20
    """Request bodies in memory, of all requests together."""
    receive_s: float = 30.0
    """How long a sender may take for a body."""
    job_result_ttl_s: int = 3600
    """How long an ended job can be fetched."""
    audit: AuditSettings | None = None


def create_app(engine: EngineSettings, service: ServiceSettings | None = None) -> FastAPI:
    """An app that opens its own engine when it starts and closes it when it stops."""
    service = service or ServiceSettings()
    audit = Audit(service.audit) if service.audit else None
    door = Door(Admission(service.max_items_in_flight), QueueProbe(service.redis_url), audit)
    jobs_door = JobsDoor()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with open_engine(engine) as door.engine, open_jobs(service) as jobs_door.jobs:
            pool = PoolCollector(door.engine)
            REGISTRY.register(pool)
            _settle_memory()
            yield
            REGISTRY.unregister(pool)
            door.engine = jobs_door.jobs = None
        await door.queue.close()

    app = FastAPI(
        title="rlvr-verifier",
        version=VERSION,
        description=_DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    routers = (make_router(door), make_jobs_router(jobs_door))
    for router in routers:
        app.include_router(router)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    add_handlers(app, [route for router in routers for route in router.routes])
    app.add_middleware(
        BodyMiddleware,
        paths=frozenset({"/score", "/jobs"}),
        read_s=service.receive_s,
        held_bytes=service.max_held_bytes,
    )
    app.add_middleware(AuthMiddleware, keys=service.keys, limits=service.key_limits)
    app.add_middleware(HeadMiddleware)
    app.add_middleware(RequestIdMiddleware)
    return app


def _settle_memory() -> None:
    """What is loaded now stays: the collector need not look at it again. Nor need it run for every few
    hundred objects of a batch, since those hardly ever hang together in circles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@asynccontextmanager
async def open_jobs(service: ServiceSettings) -> AsyncIterator[Jobs | None]:
    """The jobs of a service, where it has a Redis."""
    if service.redis_url == "none":
        yield None
        return
    store = JobStore(service.redis_url, service.job_result_ttl_s)
    runner = JobRunner(store, service.redis_url, service.max_held_bytes)
    try:
        yield Jobs(store, runner)
    finally:
        await runner.stop()
        await store.close()
