"""Bearer keys, and what each may use. ``/health`` and ``/ready`` are open to all, as often as they like."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from verifier.errors import ErrorCode, RequestInvalid
from verifier.service.keys import KeyLimits, KeyRing, KeyUsage
from verifier.service.middleware.errors import refuse

_OPEN_PATHS = frozenset({"/health", "/ready"})
_UNKNOWN = RequestInvalid(
    ErrorCode.UNAUTHORIZED, "this server wants a key: send the header 'Authorization: Bearer KEY'"
)


class AuthMiddleware:
    """Refuses what brings no known key, or more than its key may, before its body is read.

    Without a key ring everyone is one client. ``state.client`` tells the routes which it is.
    """

    def __init__(self, app: ASGIApp, keys: KeyRing | None, limits: KeyLimits) -> None:
        self._app = app
        self._keys = keys
        self._usage = KeyUsage(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in _OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        client = self._keys.client(Headers(scope=scope).get("authorization", "")) if self._keys else ""
        if client is None:
            await refuse(send, _UNKNOWN, receive)
            return
        scope.setdefault("state", {})["client"] = client
        try:
            with self._usage.request(client):
                await self._app(scope, receive, send)
        except RequestInvalid as refusal:
            await refuse(send, refusal, receive)
