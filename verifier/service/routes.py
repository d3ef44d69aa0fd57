"""What the service answers, path by path."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from verifier.engine import Engine
from verifier.errors import ErrorCode, RequestInvalid
from verifier.plan import parse_request
from verifier.presets import catalogue
from verifier.rewards.registry import reward_types
from verifier.schema import JsonObject, ScoreResponse
from verifier.service.admission import Admission
from verifier.service.audit import Audit
from verifier.service.disconnect import while_connected
from verifier.service.gauges import show_queue
from verifier.service.openapi import request_body
from verifier.service.queue_probe import QueueProbe
from verifier.service.readiness import Capability, Readiness, readiness
from verifier.service.refusals import refusals

_RESPONSES = refusals(
    ErrorCode.INVALID_JSON,
    ErrorCode.UNAUTHORIZED,
    ErrorCode.TOO_SLOW,
    ErrorCode.GRADER_MISMATCH,
    ErrorCode.TOO_LARGE,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    ErrorCode.VALIDATION_FAILED,
    ErrorCode.OVERLOADED,
    ErrorCode.HEADERS_TOO_LARGE,
    ErrorCode.NOT_READY,
)
_REQUIRE_PATTERN = r"^((math|code|queue)(,(math|code|queue))*)?$"


@dataclass(slots=True)
class Door:
    """What the routes share."""

    admission: Admission
    queue: QueueProbe
    audit: Audit | None = None
    engine: Engine | None = None
    """None while starting and draining."""


def make_router(door: Door) -> APIRouter:
    """Every route, around one door."""
    router = APIRouter()

    @router.post("/score", response_model=ScoreResponse, responses=_RESPONSES, openapi_extra=request_body())
    async def score(request: Request) -> Response:
        """Score a batch of completions; results stand in the order of the items."""
        if door.engine is None:
            raise RequestInvalid(ErrorCode.NOT_READY, "the server is starting or draining; retry")
        batch = parse_request(await request.body())
        with door.admission.admit(len(batch.items)):
            scoring = door.engine.score(batch, request.state.request_id)
            response = await while_connected(scoring, request.receive)
        if door.audit is not None:
            door.audit.sample(batch, response)
        return Response(orjson.dumps(response), media_type="application/json")

    @router.get("/health")
    async def health() -> dict[str, str]:
        """Alive."""
        return {"status": "alive"}

    @router.get(
        "/ready",
        responses={
            **refusals(ErrorCode.VALIDATION_FAILED),
            503: {"model": Readiness, "description": "Not ready"},
        },
    )
    async def ready(
        require: Annotated[
            str,
            Query(
                description="Capabilities that must be ready, with commas.",
                json_schema_extra={"pattern": _REQUIRE_PATTERN},
            ),
        ] = "",
    ) -> Readiness:
        """Ready to score; 503 while starting or draining, or when a required capability is missing."""
        state = await readiness(door.engine, door.queue, _capabilities(require))
        status = 200 if state.ready else 503
        headers = {} if state.ready else {"retry-after": "1"}
        body = state.model_dump_json(exclude_none=True)
        return Response(body, status, headers, "application/json")  # type: ignore[return-value]

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Prometheus metrics."""
        show_queue(await door.queue.look())
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/rewards")
    async def rewards() -> list[JsonObject]:
        """Every reward type: its version, the JSON schema of its parameters, and what it does."""
        return [
            {
                "type": name,
                "version": reward.version,
                "doc": inspect.getdoc(reward) or "",
                "parameters": reward.Parameters.model_json_schema(),
            }
            for name, reward in sorted(reward_types().items())
        ]

    @router.get("/presets")
    async def presets() -> list[JsonObject]:
        """Every preset: the published system, its source, and the rewards that it stands for."""
        return catalogue()

    return router


def _capabilities(require: str) -> list[Capability]:
    known: dict[str, Capability] = {"math": "math", "code": "code", "queue": "queue"}
    names = [name.strip() for name in require.split(",") if name.strip()]
    if any(name not in known for name in names):
        message = f"'require' takes {', '.join(known)}"
        raise RequestInvalid(ErrorCode.VALIDATION_FAILED, message)
    return [known[name] for name in names]
