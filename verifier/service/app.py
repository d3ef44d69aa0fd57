"""The HTTP app: routes, wearing their middlewares."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI

from verifier.engine import VERSION, EngineSettings, open_engine
from verifier.service.admission import Admission
from verifier.service.handlers import add_handlers
from verifier.service.middleware.auth import AuthMiddleware
from verifier.service.middleware.body import BodyMiddleware
from verifier.service.middleware.request_id import RequestIdMiddleware
from verifier.service.openapi import document
from verifier.service.readiness import QueueProbe
from verifier.service.routes import Door, make_router

_DESCRIPTION = """Rewards by rules for reinforcement learning: mathematics, unit tests in jails, formats.

A fault of the server is never a score: such items come back with `status: error` and a null reward."""


def create_app(
    engine: EngineSettings,
    *,
    redis_url: str = "none",
    api_keys: Sequence[str] = (),
    max_items_in_flight: int = 16_384,
) -> FastAPI:
    """An app that opens its own engine when it starts and closes it when it stops."""
    door = Door(Admission(max_items_in_flight), QueueProbe(redis_url))

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
    )
    app.include_router(make_router(door))
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    add_handlers(app)
    app.add_middleware(BodyMiddleware, paths=frozenset({"/score"}))
    if api_keys:
        app.add_middleware(AuthMiddleware, keys=api_keys)
    app.add_middleware(RequestIdMiddleware)
    return app
