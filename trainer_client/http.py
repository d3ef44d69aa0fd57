"""The client of ``verifier serve``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import ExitStack, asynccontextmanager
from http import HTTPStatus

import httpx
import stamina
from anyio.from_thread import start_blocking_portal

from trainer_client.batch import Batch, Chunk, rejection
from trainer_client.client import BaseVerifier
from trainer_client.errors import VerifierClosed
from trainer_client.wire import ScoreRequest, ScoreResponse

CONNECT_S = 10.0
MAX_RETRY_AFTER_S = 60.0

RETRIED = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class HttpVerifier(BaseVerifier):
    """Scores over HTTP.

    Large batches are split by items and bytes, never inside a group, and at most `concurrency` requests are
    open at a time. A request that is refused for load, or lost with its connection, is repeated with growing
    pauses until `timeout` seconds after the batch was submitted; what has no answer by then is an error item.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: float = 600.0,
        concurrency: int = 16,
        max_items: int = 512,
        max_bytes: int = 16 << 20,
    ) -> None:
        self._timeout = timeout
        self._concurrency = concurrency
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._stack = ExitStack()
        self._portal = self._stack.enter_context(start_blocking_portal())
        self._http = self._stack.enter_context(
            self._portal.wrap_async_context_manager(self._connections(url, api_key))
        )
        self._outstanding: set[Future[ScoreResponse]] = set()
        self._closed = False

    @asynccontextmanager
    async def _connections(self, url: str, api_key: str | None) -> AsyncIterator[httpx.AsyncClient]:
        self._slots = asyncio.Semaphore(self._concurrency)
        async with httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(self._timeout, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=self._concurrency),
        ) as http:
            yield http

    def submit(self, request: ScoreRequest) -> Future[ScoreResponse]:
        """See `BaseVerifier.submit`."""
        if self._closed:
            raise VerifierClosed("this HttpVerifier is closed")
        batch = Batch(request, max_items=self._max_items, max_bytes=self._max_bytes)
        future = self._portal.start_task_soon(self._score, batch)
        self._outstanding.add(future)
        future.add_done_callback(self._outstanding.discard)
        return future

    def close(self) -> None:
        """See `BaseVerifier.close`."""
        if not self._closed:
            self._closed = True
            for future in list(self._outstanding):
                future.cancel()
            self._stack.close()

    async def _score(self, batch: Batch) -> ScoreResponse:
        started = time.monotonic()
        try:
            async with asyncio.TaskGroup() as tasks:
                for chunk in batch.chunks():
                    tasks.create_task(self._ask(batch, chunk, started + self._timeout))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        return batch.response(1000 * (time.monotonic() - started))

    async def _ask(self, batch: Batch, chunk: Chunk, end: float) -> None:
        """Asks until every item of the chunk has an answer, or the time is up."""
        try:
            async with asyncio.timeout(end - time.monotonic()):
                answer = await self._post(chunk, end)
        except (httpx.HTTPError, TimeoutError) as error:
            batch.fail(chunk, "not_ready", f"no answer from the verifier: {_reason(error)}")
            return
        for again in batch.absorb(chunk, answer):
            await asyncio.sleep(again.pause_s)
            await self._ask(batch, again, end)

    async def _post(self, chunk: Chunk, end: float) -> ScoreResponse:
        """One request, repeated while the service is full, starting, or out of reach.

        Raises:
            RequestRejected: the service will not take this request.
            httpx.HTTPError: no answer in time.
        """
        body = chunk.encode()
        async for attempt in stamina.retry_context(on=_pause, attempts=None, timeout=end - time.monotonic()):
            with attempt:
                async with self._slots:
                    response = await self._http.post(
                        "/score", content=body, headers={"Content-Type": "application/json"}
                    )
                if response.status_code in RETRIED:
                    response.raise_for_status()
        if response.is_success:
            answer: ScoreResponse = response.json()
            return answer
        raise rejection(chunk, _error(response))


def _pause(error: Exception) -> bool | float:
    """Whether to try again: after the pause the service asks for, or (True) after one that grows."""
    if isinstance(error, httpx.HTTPStatusError):
        asked = error.response.headers.get("Retry-After", "")
        return min(float(asked), MAX_RETRY_AFTER_S) if asked.isdigit() else True
    return isinstance(error, httpx.TransportError)


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"status {error.response.status_code}"
    return str(error) or type(error).__name__


def _error(response: httpx.Response) -> dict[str, object]:
    """The ``error`` of a refusal; of a page that is not the verifier's, its status."""
    try:
        error = response.json()["error"]
        return {"code": error["code"], "message": error["message"], "fields": error.get("fields")}
    except (ValueError, KeyError, TypeError):
        return {"code": f"http_{response.status_code}", "message": f"{response.url} is no verifier"}
