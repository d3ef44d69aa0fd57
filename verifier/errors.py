"""The one closed list of error codes, and the exceptions that carry them.

    VerifierError
    ├── RequestInvalid     the whole request is refused (4xx)
    ├── ItemInvalid        this item's reference or parameters cannot be used: retrying is pointless
    └── ItemFaulted        we could not judge this item: retrying may help

A code never stands for a judgement: what a completion did wrong is a verdict (``schema.Verdict``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus


class ErrorCode(StrEnum):
    """Every code that an answer of this project may carry."""

    # The request as a whole.
    MALFORMED_HTTP = "malformed_http"
    HEADERS_TOO_LARGE = "headers_too_large"
    INVALID_JSON = "invalid_json"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    GRADER_MISMATCH = "grader_mismatch"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    VALIDATION_FAILED = "validation_failed"
    TOO_SLOW = "too_slow"
    OVERLOADED = "overloaded"
    NOT_READY = "not_ready"
    DRAINING = "draining"
    INTERNAL = "internal"

    # One item, whose reference or parameters cannot be used.
    MISSING_REFERENCE = "missing_reference"
    UNKNOWN_REFERENCE = "unknown_reference"
    UNUSABLE_REFERENCE = "unusable_reference"
    UNUSABLE_PARAMETER = "unusable_parameter"

    # One item, which we could not judge.
    DEADLINE = "deadline"
    WORKER_STALLED = "worker_stalled"
    WORKER_LOST = "worker_lost"
    SANDBOX_UNAVAILABLE = "sandbox_unavailable"
    SANDBOX_STARVED = "sandbox_starved"
    JUDGE_UNAVAILABLE = "judge_unavailable"
    GROUP_INCOMPLETE = "group_incomplete"
    QUEUE_UNAVAILABLE = "queue_unavailable"
    JOB_LOST = "job_lost"


HTTP_STATUS: dict[ErrorCode, HTTPStatus] = {
    ErrorCode.MALFORMED_HTTP: HTTPStatus.BAD_REQUEST,
    ErrorCode.HEADERS_TOO_LARGE: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    ErrorCode.INVALID_JSON: HTTPStatus.BAD_REQUEST,
    ErrorCode.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    ErrorCode.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
    ErrorCode.GRADER_MISMATCH: HTTPStatus.CONFLICT,
    ErrorCode.IDEMPOTENCY_CONFLICT: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ErrorCode.VALIDATION_FAILED: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.OVERLOADED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.NOT_READY: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.DRAINING: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.QUEUE_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""The HTTP status of each code that may refuse a whole request."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of a request that is not as it must be."""

    path: str
    """Where: ``items.3.rewards.0.pattern``."""
    message: str
    """What is expected there; never the offending value."""


class VerifierError(Exception):
    """Base of all errors that the project raises on purpose."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class RequestInvalid(VerifierError):
    """The request as a whole is refused."""

    def __init__(self, code: ErrorCode, message: str, fields: Sequence[FieldError] = ()) -> None:
        super().__init__(code, message)
        self.fields = tuple(fields)

    def body(self) -> dict[str, object]:
        """The JSON body of the refusal (CONTRACT: every error has this shape)."""
        error: dict[str, object] = {"code": self.code.value, "message": self.message}
        if self.fields:
            error["fields"] = [{"path": field.path, "message": field.message} for field in self.fields]
        return {"error": error}


class ItemInvalid(VerifierError):
    """This item's reference or parameters cannot be used; retrying is pointless."""


class ItemFaulted(VerifierError):
    """This item could not be judged through no doing of its completion; a retry may succeed."""
