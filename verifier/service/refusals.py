"""The refusals that a route declares in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from verifier.errors import HTTP_STATUS, ErrorCode
from verifier.schema import ErrorBody


def refusals(*codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """The responses of a route that may refuse with these codes."""
    statuses = sorted({HTTP_STATUS[code] for code in codes})
    return {int(status): {"model": ErrorBody, "description": status.phrase} for status in statuses}
