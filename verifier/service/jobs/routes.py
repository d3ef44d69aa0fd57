"""``/jobs``, path by path."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel
from redis.exceptions import RedisError

from verifier.errors import ErrorCode, RequestInvalid
from verifier.plan import make_plan, parse_request
from verifier.schema import ErrorDetail, ItemResult, ScoreResponse
from verifier.service.disconnect import while_connected
from verifier.service.jobs.runner import JobRunner
from verifier.service.jobs.store import ENDED, Job, JobStore
from verifier.service.openapi import request_body
from verifier.service.refusals import refusals

MAX_WAIT_S = 60.0

_GET_REFUSALS = refusals(
    ErrorCode.UNAUTHORIZED, ErrorCode.NOT_FOUND, ErrorCode.VALIDATION_FAILED, ErrorCode.OVERLOADED,
    ErrorCode.QUEUE_UNAVAILABLE,
)  # fmt: skip
_POST_REFUSALS = refusals(
    ErrorCode.INVALID_JSON, ErrorCode.UNAUTHORIZED, ErrorCode.TOO_SLOW, ErrorCode.GRADER_MISMATCH,
    ErrorCode.TOO_LARGE, ErrorCode.UNSUPPORTED_MEDIA_TYPE, ErrorCode.VALIDATION_FAILED, ErrorCode.OVERLOADED,
    ErrorCode.QUEUE_UNAVAILABLE,
)  # fmt: skip

JobId = Annotated[str, Path(min_length=1, max_length=100)]
Wait = Annotated[
    float,
    Query(
        ge=0, le=MAX_WAIT_S, allow_inf_nan=False, description="Seconds to wait for the job to get further."
    ),
]
Status = Literal["queued", "started", "finished", "failed", "canceled"]


class JobCreated(BaseModel):
    """The body of a 202."""

    job_id: str


class JobState(BaseModel):
    """The body of ``GET /jobs/{id}``."""

    job_id: str
    status: Status
    result: ScoreResponse | None
    """Of a finished job: the response of ``POST /score``."""
    error: ErrorDetail | None
    """Of a failed job: why the workers refused it."""


class JobResults(BaseModel):
    """The body of ``GET /jobs/{id}/results``."""

    job_id: str
    status: Status
    results: list[ItemResult]
    """In the order in which they came; ``index`` says which item each is of."""
    next: int
    """The ``after`` that gives what comes after these."""


class Jobs:
    """What the routes of a service with a Redis share."""

    def __init__(self, store: JobStore, runner: JobRunner) -> None:
        self.store = store
        self.runner = runner

    async def find(self, job_id: str, request: Request) -> Job:
        """A job of the request's API key.

        Raises:
            RequestInvalid: there is none.
        """
        job = await self.store.get(job_id, owner_of(request))
        if job is None:
            raise RequestInvalid(ErrorCode.NOT_FOUND, "no such job: it has expired, or it never was")
        return job

    async def state(self, job: Job) -> Response:
        """A job as ``GET`` shows it."""
        result = None
        if job.summary is not None:
            results = [orjson.loads(result) for result in await self.store.results(job.id)]
            result = {"results": sorted(results, key=lambda result: result["index"]), **job.summary}
        return _json({"job_id": job.id, "status": job.status, "result": result, "error": job.error})


def make_jobs_router(door: JobsDoor) -> APIRouter:
    """The routes of ``/jobs``."""
    router = APIRouter()

    @router.post(
        "/jobs",
        status_code=202,
        response_model=JobCreated,
        responses=_POST_REFUSALS,
        openapi_extra=request_body(),
    )
    async def create(
        request: Request,
        idempotency_key: Annotated[
            str | None,
            Header(
                min_length=1, max_length=255, description="A repeated request with it makes no second job."
            ),
        ] = None,
    ) -> Response:
        """Score a batch through the queue; the answer waits under the job's id."""
        with door.open() as jobs:
            body = await request.body()
            make_plan(parse_request(body))
            job_id = await jobs.runner.create(body, owner_of(request), idempotency_key)
        return _json({"job_id": job_id}, 202)

    @router.get("/jobs/{job_id}", response_model=JobState, responses=_GET_REFUSALS)
    async def get(request: Request, job_id: JobId, wait: Wait = 0.0) -> Response:
        """A job, and its result when it has finished; with ``wait``, as soon as it has ended."""
        with door.open() as jobs:
            job = await while_connected(_ended(jobs, job_id, request, wait), request.receive)
            return await jobs.state(job)

    @router.get("/jobs/{job_id}/results", response_model=JobResults, responses=_GET_REFUSALS)
    async def results(
        request: Request,
        job_id: JobId,
        after: Annotated[int, Query(ge=0, le=1_000_000, description="How many results to pass over.")] = 0,
        wait: Wait = 0.0,
    ) -> Response:
        """What is done of a job so far; with ``wait``, as soon as there is more than ``after``."""
        with door.open() as jobs:
            further = _further(jobs, job_id, request, after, wait)
            job, found = await while_connected(further, request.receive)
        fragments = [orjson.Fragment(result) for result in found]
        body = {"job_id": job_id, "status": job.status, "results": fragments, "next": after + len(found)}
        return _json(body)

    @router.delete("/jobs/{job_id}", response_model=JobState, responses=_GET_REFUSALS)
    async def cancel(request: Request, job_id: JobId) -> Response:
        """Cancel a job; one that has ended stays as it is."""
        with door.open() as jobs:
            job = await jobs.find(job_id, request)
            if job.status not in ENDED:
                await jobs.runner.cancel(job_id)
                job = await jobs.find(job_id, request)
            return await jobs.state(job)

    return router


class JobsDoor:
    """The way to the jobs, where there is a Redis and it answers."""

    def __init__(self) -> None:
        self.jobs: Jobs | None = None

    @contextmanager
    def open(self) -> Iterator[Jobs]:
        """The jobs, for the time of a request.

        Raises:
            RequestInvalid: there is no Redis, or it does not answer.
        """
        if self.jobs is None:
            message = "jobs need a Redis: start the server with --redis-url"
            raise RequestInvalid(ErrorCode.QUEUE_UNAVAILABLE, message)
        try:
            yield self.jobs
        except (RedisError, OSError):
            message = "Redis does not answer; send the request again later"
            raise RequestInvalid(ErrorCode.QUEUE_UNAVAILABLE, message) from None


def owner_of(request: Request) -> str:
    """Whose jobs a request may see: those of its API key."""
    owner: str = getattr(request.state, "client", "")
    return owner


async def _ended(jobs: Jobs, job_id: str, request: Request, wait_s: float) -> Job:
    end = time.monotonic() + wait_s
    job = await jobs.find(job_id, request)
    while job.status not in ENDED and (left_s := end - time.monotonic()) > 0:
        await jobs.runner.wait(job_id, left_s)
        job = await jobs.find(job_id, request)
    return job


async def _further(
    jobs: Jobs, job_id: str, request: Request, after: int, wait_s: float
) -> tuple[Job, list[bytes]]:
    end = time.monotonic() + wait_s
    while True:
        job = await jobs.find(job_id, request)
        found = await jobs.store.results(job_id, after)
        left_s = end - time.monotonic()
        if found or job.status in ENDED or left_s <= 0:
            return job, found
        await jobs.runner.wait(job_id, left_s)


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
