"""The sandbox over HTTP."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import structlog
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.errors import SandboxError, SandboxUnavailable, UnusableTests
from sandbox.execute import execute
from sandbox.judge import judge
from sandbox.metrics import Metrics
from sandbox.schema import (
    Capabilities,
    ErrorBody,
    ErrorReply,
    ExecuteRequest,
    ExecuteResult,
    FieldError,
    JudgeRequest,
    JudgeResult,
    Limits,
)
from sandbox.settings import Settings
from sandbox.slots import Slots

log = structlog.get_logger()

Result = TypeVar("Result")
HTTP_STATUS = {"unusable_tests": 422, "overloaded": 429, "internal": 500}
HTTP_CODES = {401: "unauthorized", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}
OPEN_PATHS = ("/health", "/ready")


class Service:
    """What the routes share: the jails, the queue's bound, the ceilings, the numbers."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.slots = Slots(settings.make_runtime(), settings.slots)
        self.metrics = Metrics(self.slots)
        self._running = 0

    async def admit(
        self, request: Request, limits: Limits, work: Callable[[], Coroutine[Any, Any, Result]]
    ) -> Result:
        """Do `work` if there is room for it and its limits are allowed, for as long as the client waits."""
        self._check(limits)
        if self._running >= self.settings.max_waiting:
            raise SandboxUnavailable("overloaded", "too many requests are waiting; retry later", 1.0)
        self._running += 1
        try:
            return await _while_connected(request, work())
        finally:
            self._running -= 1

    def _check(self, limits: Limits) -> None:
        for name, ceiling in self.settings.ceilings:
            if getattr(limits, name) > ceiling:
                raise UnusableTests(f"limits.{name} is over this service's ceiling of {ceiling:g}")

    def capabilities(self) -> Capabilities:
        """What can be done now."""
        jails = self.slots.live
        runtime = self.slots.runtime
        if not jails:
            return Capabilities(ready=False, reason=self.slots.reason or "every jail is being replaced")
        return Capabilities(
            ready=True,
            runtime=runtime.name,
            slots=len(jails),
            free_slots=self.slots.free,
            languages={"python": jails[0].hello.python},
            total_memory_cap=runtime.total_memory_cap,
            oom_detection=jails[0].hello.oom_detection,
            total_cpu=jails[0].hello.total_cpu,
            separate_uids=runtime.separate_uids,
        )


async def _while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`, which is cancelled when the client hangs up: nobody waits for it any more."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise SandboxUnavailable("sandbox_unavailable", "the client has hung up")
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def create_app(settings: Settings) -> FastAPI:
    """The application of one service."""
    service = Service(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.slots.open()
        try:
            yield
        finally:
            await service.slots.close()

    app = FastAPI(
        title="Sandbox",
        lifespan=lifespan,
        dependencies=[Depends(_require_key(settings.api_keys))],
        responses={"4XX": {"model": ErrorReply}, "5XX": {"model": ErrorReply}},
    )
    app.add_middleware(BodyCap, limit=settings.max_body_mb << 20)
    _add_work(app, service)
    _add_operations(app, service)
    _add_error_handlers(app)
    return app


def _add_work(app: FastAPI, service: Service) -> None:
    @app.post("/judge")
    async def post_judge(request: JudgeRequest, http: Request) -> JudgeResult:
        """Judge a program by its tests."""
        result = await service.admit(http, request.limits, lambda: judge(request, service.slots))
        service.metrics.count(result)
        return result

    @app.post("/execute")
    async def post_execute(request: ExecuteRequest, http: Request) -> ExecuteResult:
        """Run a program once."""
        return await service.admit(http, request.limits, lambda: execute(request, service.slots))


def _add_operations(app: FastAPI, service: Service) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        """Alive."""
        return {"status": "ok"}

    @app.get("/ready", responses={503: {"model": Capabilities}})
    async def ready(response: Response) -> Capabilities:
        """What can be done now; 503 where nothing can."""
        capabilities = service.capabilities()
        response.status_code = 200 if capabilities.ready else 503
        return capabilities

    @app.get("/languages")
    async def languages() -> dict[str, str]:
        """Language -> version."""
        return service.capabilities().languages

    @app.get("/metrics")
    async def metrics() -> Response:
        """Prometheus metrics."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(SandboxError)
    async def on_sandbox_error(_: Request, error: SandboxError) -> JSONResponse:
        status = HTTP_STATUS.get(error.code, 503)
        headers = {"Retry-After": "1"} if status in (429, 503) else None
        return _error(status, error.code, error.message, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        problems = error.errors()
        if any(problem["type"] == "json_invalid" for problem in problems):
            return _error(400, "invalid_json", "the body is not JSON")
        fields = [
            FieldError(path=".".join(map(str, problem["loc"][1:])), message=problem["msg"])
            for problem in problems[:50]
        ]
        return _error(422, "invalid_request", "the request does not have the right shape", fields)

    @app.exception_handler(HTTPException)
    async def on_http_error(_: Request, error: HTTPException) -> JSONResponse:
        code = HTTP_CODES.get(error.status_code, "http_error")
        return _error(error.status_code, code, str(error.detail), headers=error.headers)

    @app.exception_handler(Exception)
    async def on_defect(_: Request, error: Exception) -> JSONResponse:
        log.error("defect", exc_info=error)
        return _error(500, "internal", "a defect of the sandbox; the log has the details")


def _error(
    status: int,
    code: str,
    message: str,
    fields: list[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    reply = ErrorReply(error=ErrorBody(code=code, message=message, fields=fields))
    return JSONResponse(reply.model_dump(exclude_none=True), status, headers)


def _require_key(keys: Sequence[str]) -> Callable[[Request], Awaitable[None]]:
    accepted = [f"Bearer {key}".encode() for key in keys]

    async def check(request: Request) -> None:
        if not accepted or request.url.path in OPEN_PATHS:
            return
        given = request.headers.get("authorization", "").encode()
        if not any([secrets.compare_digest(given, key) for key in accepted]):
            raise HTTPException(401, "a valid API key is needed: Authorization: Bearer …")

    return check


class BodyCap:
    """Refuses a body over `limit` bytes while reading it."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        left = self._limit

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, f"the body is over {self._limit >> 20} MiB")
            return message

        await self._app(scope, counted, send)
