"""What a verifier client may raise.

    VerifierError
    ├── RequestRejected         the verifier refuses the request as it stands: repeating it is pointless
    ├── VerifierClosed          the client is closed
    └── EmbeddedRedisError      the private redis-server could not be started

Faults are not exceptions: an item that could not be judged, were it because the whole service is down for
longer than the client's timeout, comes back in the response with status ``error`` and no reward. What is
outstanding when a client is closed is cancelled.
"""

from __future__ import annotations

from trainer_client.wire import FieldError


class VerifierError(Exception):
    """Base of everything this package raises on purpose."""


class RequestRejected(VerifierError):
    """The verifier refuses the request; `code` and `fields` say what is wrong with it."""

    def __init__(self, code: str, message: str, fields: list[FieldError] | None = None) -> None:
        super().__init__(
            f"{code}: {message}" + "".join(f"; {f['path']}: {f['message']}" for f in fields or [])
        )
        self.code = code
        self.message = message
        self.fields = fields or []


class VerifierClosed(VerifierError):
    """The client is closed."""


class EmbeddedRedisError(VerifierError):
    """The private redis-server could not be started."""
