"""The one function of the queue, by its public name: ``verifier.jobs.score_batch``."""

from __future__ import annotations

import uuid
from typing import Any

from rq import get_current_job

from verifier.errors import RequestInvalid
from verifier.plan import parse_request
from verifier.queue import runtime
from verifier.schema import ScoreRequest, ScoreResponse

MARGIN = 0.95
"""The share of a job's timeout by which its items must be done; the rest is for storing the result."""


def score_batch(request: dict[str, Any]) -> ScoreResponse | dict[str, object]:
    """Scores a request of ``POST /score``; what is not done when its timeout nears is ``error/deadline``.

    Returns:
        The response of ``POST /score``, or for a request that is not valid ``{"error": {…}}``.
    """
    job = get_current_job()
    job_id = job.id if job else uuid.uuid4().hex
    timeout_s = job.timeout if job else None
    try:
        parsed = _within(parse_request(request), timeout_s)
        return runtime.current().score(parsed, job_id)
    except RequestInvalid as invalid:
        return invalid.body()


def _within(request: ScoreRequest, timeout_s: float | None) -> ScoreRequest:
    """The request with a deadline no later than its job's."""
    limits = [limit for limit in (request.deadline_s, timeout_s and timeout_s * MARGIN) if limit]
    return request.model_copy(update={"deadline_s": min(limits)}) if limits else request
