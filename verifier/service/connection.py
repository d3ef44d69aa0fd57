"""One connection: what uvicorn leaves unbounded is bounded here, before any app sees it.

uvicorn has no deadline for a request's head, no bound on its size, and answers what it cannot parse with
plain text. A sender has ``receive_s`` for the head and again for the body; a reader, for the response.
Every refusal has the one error shape, and is followed by a moment of reading on: closed at once, the
connection would be reset, and the answer lost with it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from prometheus_client import Gauge
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from verifier.errors import HTTP_STATUS, ErrorCode, RequestInvalid
from verifier.service.middleware.errors import headers_of

MAX_HEAD_BYTES = 32 << 10
MAX_HEADERS = 100
LINGER_S = 1.0

OPEN = Gauge("verifier_connections", "Open connections.")

_MALFORMED = RequestInvalid(ErrorCode.MALFORMED_HTTP, "this is not a valid HTTP/1.1 request")
_FULL = RequestInvalid(ErrorCode.OVERLOADED, "too many connections; connect again later")
_HEAD_TOO_LARGE = RequestInvalid(
    ErrorCode.HEADERS_TOO_LARGE,
    f"a request line and its headers hold at most {MAX_HEAD_BYTES >> 10} KiB and {MAX_HEADERS} headers",
)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What connections may use."""

    connections: int = 1024
    """Beyond it a connection is answered 429 and closed; beyond twice as many, closed."""
    receive_s: float = 30.0


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with bounds."""

    limits = ConnectionLimits()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._refused = False
        self._in_head = False
        self._head_bytes = 0
        self._problem = _MALFORMED

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        OPEN.set(count := len(self.connections))
        if count > 2 * self.limits.connections:
            transport.abort()
        elif count > self.limits.connections:
            self._refuse(_FULL)
        else:
            self._arm(self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)
        OPEN.set(len(self.connections))

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        was_in_head = self._in_head
        super().data_received(data)
        if self._in_head and was_in_head and not self._refused:
            self._count(len(data))  # not yet handed over by the parser

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._problem)

    # What the parser tells.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._arm(self._head_is_late)

    def on_url(self, url: bytes) -> None:
        self._check_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._check_head(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()
        self._arm(self._body_is_late)

    def on_message_complete(self) -> None:
        self._disarm()
        super().on_message_complete()

    # What uvicorn's cycle tells.

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._arm(self.transport.abort)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection; a response that its reader does not take away is dropped in the end."""
        super().timeout_keep_alive_handler()
        self._arm(self.transport.abort)

    # Bounds.

    def _check_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES or len(self.headers) >= MAX_HEADERS:
            self._problem = _HEAD_TOO_LARGE
            raise ValueError("the head is too large")  # ends the parsing; answered by send_400_response

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > 2 * MAX_HEAD_BYTES:
            self._refuse(_HEAD_TOO_LARGE)

    def _head_is_late(self) -> None:
        message = f"the request's headers did not arrive within {self.limits.receive_s:g} s"
        self._refuse(RequestInvalid(ErrorCode.TOO_SLOW, message))

    def _body_is_late(self) -> None:
        """A body that nobody waits for any more; one that is waited for has a deadline of its own."""
        if self.cycle.response_complete:
            self.transport.abort()
        else:
            self._arm(self._body_is_late)

    def _refuse(self, refusal: RequestInvalid) -> None:
        self._refused = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # an earlier request of this connection: its answer has no way out
            self.cycle.message_event.set()
        self.transport.write(_response(refusal, self.server_state.default_headers))
        self._arm(self.transport.abort, LINGER_S)
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _arm(self, act: Callable[[], None], after_s: float | None = None) -> None:
        """One timer at a time: each stage of a request replaces that of the last."""
        self._disarm()
        self._timer = self.loop.call_later(self.limits.receive_s if after_s is None else after_s, act)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def guarded(limits: ConnectionLimits) -> type[GuardedProtocol]:
    """The protocol with these limits, as uvicorn takes it."""
    return type("GuardedProtocol", (GuardedProtocol,), {"limits": limits})


def _response(refusal: RequestInvalid, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    status = HTTPStatus(HTTP_STATUS[refusal.code])
    body = orjson.dumps(refusal.body())
    headers = headers_of(refusal.code) | {
        "x-request-id": uuid.uuid4().hex,
        "connection": "close",
        "content-length": str(len(body)),
    }
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
    lines += [name + b": " + value for name, value in default_headers]
    lines += [f"{name}: {value}".encode() for name, value in headers.items()]
    return b"\r\n".join([*lines, b"", body])
