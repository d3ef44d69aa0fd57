"""The one door to the sandbox.

async with open_sandbox("auto") as sandbox:
    result = await sandbox.judge(JudgeRequest(code=…, tests=…))
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import TypeVar

import httpx
from pydantic import ValidationError

from sandbox.errors import SandboxError, SandboxUnavailable, UnavailableCode, UnusableTests
from sandbox.launcher import own_service
from sandbox.schema import (
    STARTING,
    Capabilities,
    ErrorReply,
    ExecuteRequest,
    ExecuteResult,
    JudgeRequest,
    JudgeResult,
)

__all__ = ["SandboxClient", "SandboxError", "SandboxUnavailable", "UnusableTests", "open_sandbox"]

Result = TypeVar("Result", JudgeResult, ExecuteResult)

CONNECTIONS = 256
PAUSE_AFTER_FAILURE_S = 2.0
START_TIMEOUT_S = 60.0
POLL_S = 0.05
UNAVAILABLE: dict[str, UnavailableCode] = {
    "overloaded": "overloaded",
    "starved": "starved",
    "unauthorized": "unauthorized",
    "internal": "internal",
}


class _Endpoint:
    """One service and how it has been lately."""

    def __init__(self, url: str, api_key: str | None, timeout_s: float) -> None:
        socket = url.removeprefix("unix://") if url.startswith("unix://") else None
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        self.url = url
        self.in_flight = 0
        self.paused_until = 0.0
        self.http = httpx.AsyncClient(
            base_url="http://sandbox" if socket else url,
            transport=httpx.AsyncHTTPTransport(uds=socket, limits=limits, trust_env=False),
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(timeout_s, connect=5.0, pool=None),
        )

    def busyness(self) -> tuple[bool, int]:
        """Sorts the best to ask first."""
        return time.monotonic() < self.paused_until, self.in_flight

    async def post(self, path: str, body: str) -> httpx.Response:
        """Raises httpx.TransportError."""
        self.in_flight += 1
        try:
            return await self.http.post(path, content=body, headers={"Content-Type": "application/json"})
        except httpx.TransportError:
            self.paused_until = time.monotonic() + PAUSE_AFTER_FAILURE_S
            raise
        finally:
            self.in_flight -= 1


class SandboxClient:
    """A connection to one or more sandbox services, each an http(s) URL or `unix:///path`.

    Requests go to the least busy service, and to the next where one cannot take them. Raises
    `SandboxUnavailable` where a retry may help and `UnusableTests` where it cannot.
    """

    def __init__(self, *urls: str, api_key: str | None = None, timeout_s: float = 3600.0) -> None:
        self._endpoints = [_Endpoint(url.rstrip("/"), api_key, timeout_s) for url in urls]

    @property
    def urls(self) -> tuple[str, ...]:
        """The services asked, for other processes to ask too."""
        return tuple(endpoint.url for endpoint in self._endpoints)

    async def judge(self, request: JudgeRequest) -> JudgeResult:
        """Judge a program by its tests."""
        return await self._ask("/judge", request.model_dump_json(), JudgeResult)

    async def execute(self, request: ExecuteRequest) -> ExecuteResult:
        """Run a program once."""
        return await self._ask("/execute", request.model_dump_json(), ExecuteResult)

    async def ready(self) -> Capabilities:
        """What the sandbox can do now, of the first service that is ready; never raises."""
        reasons = []
        for endpoint in self._endpoints:
            try:
                response = await endpoint.http.get("/ready", timeout=5.0)
                capabilities = Capabilities.model_validate_json(response.content)
            except (httpx.HTTPError, ValidationError) as error:
                capabilities = Capabilities(ready=False, reason=f"{endpoint.url} does not answer: {error}")
            if capabilities.ready:
                return capabilities
            reasons.append(capabilities.reason or "not ready")
        return Capabilities(ready=False, reason="; ".join(reasons) or "no sandbox is configured")

    async def aclose(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(endpoint.http.aclose() for endpoint in self._endpoints))

    async def _ask(self, path: str, body: str, kind: type[Result]) -> Result:
        last = SandboxUnavailable("sandbox_unavailable", "no sandbox is configured; see --sandbox")
        for endpoint in sorted(self._endpoints, key=_Endpoint.busyness):
            try:
                return await _answer(endpoint, path, body, kind)
            except SandboxUnavailable as error:
                last = error
        raise last


async def _answer(endpoint: _Endpoint, path: str, body: str, kind: type[Result]) -> Result:
    try:
        response = await endpoint.post(path, body)
    except httpx.TransportError as error:
        raise SandboxUnavailable(
            "sandbox_unavailable", f"{endpoint.url} does not answer: {error or type(error).__name__}"
        ) from None
    if response.status_code == 200:
        return kind.model_validate_json(response.content)
    raise _error(response)


def _error(response: httpx.Response) -> SandboxError:
    try:
        error = ErrorReply.model_validate_json(response.content).error
    except ValidationError:
        return SandboxUnavailable(
            "sandbox_unavailable", f"the sandbox answers {response.status_code} and no reason"
        )
    if response.status_code in (400, 413, 422):
        fields = "".join(f"; {field.path}: {field.message}" for field in error.fields or [])
        return UnusableTests(error.message + fields)
    retry_after = response.headers.get("Retry-After", "")
    return SandboxUnavailable(
        UNAVAILABLE.get(error.code, "sandbox_unavailable"),
        error.message,
        float(retry_after) if retry_after.isdigit() else None,
    )


@contextlib.asynccontextmanager
async def open_sandbox(target: str, *, api_key: str | None = None) -> AsyncIterator[SandboxClient]:
    """Open `target`: `auto`, `docker` or `local` start a service of our own, `none` refuses everything,
    anything else is a comma-separated list of URLs of running services.

    Waits until a service of our own is ready, or says why it is not: then requests raise SandboxUnavailable.
    """
    async with contextlib.AsyncExitStack() as stack:
        own = target in ("auto", "docker", "local")
        if own:
            urls = [await stack.enter_async_context(own_service(target))]
        else:
            urls = [url.strip() for url in target.split(",")] if target != "none" else []
        client = SandboxClient(*urls, api_key=None if own else api_key)
        stack.push_async_callback(client.aclose)
        if own:
            await _settled(client)
        yield client


async def _settled(client: SandboxClient) -> None:
    """Wait until the service has made a jail or knows why it cannot."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_TIMEOUT_S):
            while True:
                capabilities = await client.ready()
                reason = capabilities.reason or ""
                if capabilities.ready or not (reason == STARTING or "does not answer" in reason):
                    return
                await asyncio.sleep(POLL_S)
