"""The one function of the queue, by its public name: ``verifier.jobs.score_batch``."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from rq import get_current_job

from verifier.errors import RequestInvalid
from verifier.plan import parse_request
from verifier.queue import runtime
from verifier.queue.job import ScoreJob
from verifier.queue.parts import Progress, score_in_parts
from verifier.schema import ItemResult, ScoreRequest, ScoreResponse

MARGIN = 0.95
"""The share of a job's timeout by which its items must be done; the rest is for storing the result."""


def score_batch(request: dict[str, Any]) -> ScoreResponse | dict[str, object]:
    """Scores a request of ``POST /score``; what is not done when its timeout nears is ``error/deadline``.

    Returns:
        The response of ``POST /score``, or for a request that is not valid ``{"error": {…}}``.
    """
    job = get_current_job()
    if not isinstance(job, ScoreJob):
        raise RuntimeError("score_batch runs in a worker: start one with `verifier worker`")
    try:
        runtime.current().blobs.resolve(request, job.connection)
        parsed = parse_request(request)
        end = time.monotonic() + min(parsed.deadline_s or job.timeout_s, job.timeout_s * MARGIN)
        return (_score_again if job.interrupted else _score_at_once)(parsed, job, end)
    except RequestInvalid as invalid:
        return invalid.body()


def _score_at_once(request: ScoreRequest, job: ScoreJob, end: float) -> ScoreResponse:
    try:
        return _score(request, job.id, end)
    except RequestInvalid:
        raise
    except Exception:
        Progress(job.connection, job.id).blame()
        raise


def _score(request: ScoreRequest, job_id: str, end: float) -> ScoreResponse:
    left_s = max(0.001, end - time.monotonic())
    return runtime.current().score(request.model_copy(update={"deadline_s": left_s}), job_id)


def _score_again(request: ScoreRequest, job: ScoreJob, end: float) -> ScoreResponse:
    """Scores in parts what a worker died with; the envelope is that of the same request without items."""
    started = time.perf_counter()
    envelope = _score(request.model_copy(update={"items": []}), job.id, end)

    def part(indices: list[int]) -> list[ItemResult]:
        items = [request.items[index] for index in indices]
        answer = _score(request.model_copy(update={"items": items}), job.id, end)
        envelope.graders.update(answer.graders)
        return answer.results

    results = score_in_parts(request.items, Progress(job.connection, job.id), part)
    return replace(envelope, results=results, elapsed_ms=(time.perf_counter() - started) * 1e3)
