"""Bodies are bounded while they are read: type, encoding, size, all bodies together, and a sender's time."""

from __future__ import annotations

import asyncio

from prometheus_client import Gauge
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from verifier.errors import ErrorCode, RequestInvalid
from verifier.schema import MAX_BODY_BYTES
from verifier.service.budget import ByteBudget, Share
from verifier.service.middleware.errors import refuse

HELD = Gauge("verifier_body_bytes", "Bytes of request bodies held.")


class BodyMiddleware:
    """Reads the body of these paths, refusing it as soon as it goes beyond a bound; hands it on whole.

    All requests together may hold ``held_bytes`` until they are answered: many large bodies at once are
    refused rather than exhaust the memory.
    """

    def __init__(self, app: ASGIApp, paths: frozenset[str], read_s: float, held_bytes: int) -> None:
        self._app = app
        self._paths = paths
        self._read_s = read_s
        self._budget = ByteBudget(held_bytes, HELD)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
            return
        with self._budget.share() as share:
            try:
                body = await self._read(Headers(scope=scope), receive, share)
            except RequestInvalid as refusal:
                share.release()
                await refuse(send, refusal, receive)
                return
            if body is not None:
                await self._app(scope, _replay(body, receive), send)

    async def _read(self, headers: Headers, receive: Receive, share: Share) -> bytes | None:
        """The body; None when the client left before its end.

        Raises:
            RequestInvalid: a bound was passed.
        """
        _check_headers(headers)
        try:
            async with asyncio.timeout(self._read_s):
                return await _read_bounded(receive, share)
        except TimeoutError:
            message = f"the body did not arrive within {self._read_s:g} s"
            raise RequestInvalid(ErrorCode.TOO_SLOW, message) from None


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


async def _read_bounded(receive: Receive, share: Share) -> bytes | None:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk: bytes = message.get("body", b"")
        if share.size + len(chunk) > MAX_BODY_BYTES:
            raise _too_large()
        share.take(len(chunk))
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
