"""Bodies are bounded while they are read: type, encoding, size, and the time a sender may take."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from verifier.errors import ErrorCode, RequestInvalid
from verifier.schema import MAX_BODY_BYTES
from verifier.service.middleware.errors import refuse

_READ_S = 30.0


class BodyMiddleware:
    """Reads the body of these paths, refusing it as soon as it goes beyond a bound; hands it on whole."""

    def __init__(self, app: ASGIApp, paths: frozenset[str]) -> None:
        self._app = app
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
            return
        try:
            _check_headers(Headers(scope=scope))
            async with asyncio.timeout(_READ_S):
                body = await _read(receive)
        except RequestInvalid as refusal:
            await refuse(send, refusal, close=True)
            return
        except TimeoutError:
            message = f"the body did not arrive within {_READ_S:.0f} s"
            await refuse(send, RequestInvalid(ErrorCode.TOO_SLOW, message), close=True)
            return
        if body is None:
            return
        await self._app(scope, _replay(body, receive), send)


def _check_headers(headers: Headers) -> None:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        message = "send the body as 'Content-Type: application/json'"
        raise RequestInvalid(ErrorCode.UNSUPPORTED_MEDIA_TYPE, message)
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        message = "compressed bodies are not taken; send it without Content-Encoding"
        raise RequestInvalid(ErrorCode.UNSUPPORTED_MEDIA_TYPE, message)
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        raise _too_large()


async def _read(receive: Receive) -> bytes | None:
    """The body; None when the client left before its end."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise _too_large()
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _too_large() -> RequestInvalid:
    message = f"a body holds at most {MAX_BODY_BYTES >> 20} MiB; send several requests"
    return RequestInvalid(ErrorCode.TOO_LARGE, message)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
