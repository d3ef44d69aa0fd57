"""The one function of the queue, by its public name: ``verifier.jobs.score_batch``."""

from __future__ import annotations

from typing import Any

from verifier.errors import RequestInvalid
from verifier.queue import runtime


def score_batch(request: dict[str, Any]) -> dict[str, Any]:
    """Scores a request of ``POST /score``.

    Returns:
        The response of ``POST /score``; for a request that is not valid, ``{"error": {"code", "message",
        "fields"}}``.
    """
    try:
        return runtime.score(request)
    except RequestInvalid as invalid:
        return invalid.body()
