"""Refusals as ASGI answers."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import orjson
from prometheus_client import Counter
from starlette.types import Receive, Send

from verifier.errors import HTTP_STATUS, ErrorCode, RequestInvalid

RETRY_AFTER_S = 1
LINGER_S = 2.0
_RETRY_LATER = frozenset(
    {ErrorCode.OVERLOADED, ErrorCode.NOT_READY, ErrorCode.DRAINING, ErrorCode.QUEUE_UNAVAILABLE}
)


REFUSED = Counter("verifier_requests_refused", "Requests refused, by error code.", ["code"])


def headers_of(code: ErrorCode) -> dict[str, str]:
    """The headers that a refusal with this code carries; counts it."""
    REFUSED.labels(code.value).inc()
    headers = {"content-type": "application/json"}
    if code in _RETRY_LATER:
        headers["retry-after"] = str(RETRY_AFTER_S)
    if code is ErrorCode.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    return headers


async def refuse(send: Send, refusal: RequestInvalid, receive: Receive) -> None:
    """Answer with a refusal before the body has been read, and close the connection.

    What is still coming is taken in and dropped for a moment: a connection closed with bytes unread is reset,
    and the sender would see that instead of the answer.
    """
    body = orjson.dumps(refusal.body())
    headers = headers_of(refusal.code) | {"connection": "close", "content-length": str(len(body))}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": int(HTTP_STATUS[refusal.code]), "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while (await receive()).get("more_body", False):
                pass
    await send({"type": "http.response.body", "body": b""})
