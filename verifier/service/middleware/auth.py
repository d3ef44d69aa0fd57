"""Bearer keys, compared in constant time. ``/health`` and ``/ready`` are open."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from verifier.errors import ErrorCode, RequestInvalid
from verifier.service.middleware.errors import refuse

_OPEN_PATHS = frozenset({"/health", "/ready"})
_REFUSAL = RequestInvalid(
    ErrorCode.UNAUTHORIZED, "this server wants a key: send the header 'Authorization: Bearer KEY'"
)


class AuthMiddleware:
    """Refuses what brings no known key, before its body is read."""

    def __init__(self, app: ASGIApp, keys: Sequence[str]) -> None:
        self._app = app
        self._digests = [_digest(key) for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in _OPEN_PATHS or self._knows(Headers(scope=scope)):
            await self._app(scope, receive, send)
        else:
            await refuse(send, _REFUSAL, receive)

    def _knows(self, headers: Headers) -> bool:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return False
        given = _digest(key.strip())
        known = [hmac.compare_digest(given, digest) for digest in self._digests]
        return any(known)


def _digest(key: str) -> bytes:
    """Equal lengths, so that a comparison tells nothing of a key's length."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
