"""The HTTP app: routes, wearing their middlewares."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from verifier.engine import VERSION, EngineSettings, open_engine
from verifier.service.admission import Admission
from verifier.service.handlers import add_handlers
from verifier.service.middleware.auth import AuthMiddleware
from verifier.service.middleware.body import BodyMiddleware
from verifier.service.middleware.head import HeadMiddleware
from verifier.service.middleware.request_id import RequestIdMiddleware
from verifier.service.openapi import document
from verifier.service.readiness import QueueProbe
from verifier.service.routes import Door, make_router

_DESCRIPTION = """Rewards by rules for reinforcement learning: mathematics, unit tests in jails, formats.

A fault of the server is never a score: such items come back with `status: error` and a null reward."""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What the HTTP door is told."""

    redis_url: str = "none"
    api_keys: Sequence[str] = ()
    max_items_in_flight: int = 16_384
    max_held_bytes: int = 512 << 20
    """Request bodies in memory, of all requests together."""
    receive_s: float = 30.0
    """How long a sender may take for a body."""


def create_app(engine: EngineSettings, service: ServiceSettings | None = None) -> FastAPI:
    """An app that opens its own engine when it starts and closes it when it stops."""
    service = service or ServiceSettings()
    door = Door(Admission(service.max_items_in_flight), QueueProbe(service.redis_url))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with open_engine(engine) as door.engine:
            yield
            door.engine = None

    app = FastAPI(
        title="rlvr-verifier",
        version=VERSION,
        description=_DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(make_router(door))
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    add_handlers(app)
    app.add_middleware(
        BodyMiddleware,
        paths=frozenset({"/score"}),
        read_s=service.receive_s,
        held_bytes=service.max_held_bytes,
    )
    if service.api_keys:
        app.add_middleware(AuthMiddleware, keys=service.api_keys)
    app.add_middleware(HeadMiddleware)
    app.add_middleware(RequestIdMiddleware)
    return app
