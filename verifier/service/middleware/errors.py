"""Refusals as ASGI answers."""

from __future__ import annotations

import orjson
from starlette.types import Send

from verifier.errors import HTTP_STATUS, ErrorCode, RequestInvalid

RETRY_AFTER_S = 1
_RETRY_LATER = frozenset({ErrorCode.OVERLOADED, ErrorCode.NOT_READY, ErrorCode.DRAINING})


def headers_of(code: ErrorCode) -> dict[str, str]:
    """The headers that a refusal with this code carries."""
    headers = {"content-type": "application/json"}
    if code in _RETRY_LATER:
        headers["retry-after"] = str(RETRY_AFTER_S)
    if code is ErrorCode.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    return headers


async def refuse(send: Send, refusal: RequestInvalid, *, close: bool = False) -> None:
    """Answer with a refusal; ``close`` where the rest of the body will not be read."""
    headers = headers_of(refusal.code)
    if close:
        headers["connection"] = "close"
    body = orjson.dumps(refusal.body())
    headers["content-length"] = str(len(body))
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": int(HTTP_STATUS[refusal.code]), "headers": raw})
    await send({"type": "http.response.body", "body": body})
