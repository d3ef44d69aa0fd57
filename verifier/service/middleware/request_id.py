"""Every request has an id: taken from ``X-Request-ID`` or made, returned, and in every log line."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from prometheus_client import Counter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_USABLE = re.compile(r"[A-Za-z0-9._:-]{1,128}")

REQUESTS = Counter("verifier_requests", "Requests answered, by path and status.", ["path", "status"])
_PATHS = frozenset(
    {"score", "jobs", "health", "ready", "metrics", "rewards", "presets", "docs", "openapi.json", ""}
)

log = structlog.get_logger("verifier.http")


class RequestIdMiddleware:
    """Outermost: binds the id, and logs one line a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _USABLE.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                REQUESTS.labels(_label(scope["path"]), str(status)).inc()
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    elapsed_ms=round((time.perf_counter() - started) * 1e3, 2),
                )


def _label(path: str) -> str:
    """The first part of a path that we serve; nobody can make up further labels."""
    first = path.split("/", 2)[1] if path.startswith("/") else path
    return f"/{first}" if first in _PATHS else "other"
