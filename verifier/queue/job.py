"""The one kind of job a worker runs.

Whoever can write to Redis can enqueue anything, and RQ imports by name: the function of a job, its callbacks,
the methods of an ``instance``; job hashes also carry webhooks, repeats and dependents. A JSON serializer
stops none of it. So a job is judged when it is restored from Redis, before anything of it is imported or run:
`ScoreJob.refusal` says why it will not run, and what RQ would act on besides the function is dropped from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from redis.client import Pipeline
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.job import Job

SCORE_BATCH = "verifier.jobs.score_batch"

RETRIES = 20
"""How often a job of one item runs again after its worker died or it raised; whatever its submitter asked."""
RETRIES_A_HALVING = 3
"""How many more for each time its items can be halved: enough to find three that bring workers down."""
MAX_TIMEOUT_S = 3600
MAX_TTL_S = 86_400
DEFAULT_FAILURE_TTL_S = 3600

FOREIGN_FIELDS = frozenset(
    {
        b"success_callback_name",
        b"failure_callback_name",
        b"stopped_callback_name",
        b"webhooks",
        b"repeats_left",
        b"repeat_intervals",
        b"dependency_id",
        b"dependency_ids",
        b"group_id",
    }
)
"""Fields of a job hash by which RQ runs, calls or enqueues something else."""
IMPOSED_FIELDS = frozenset({b"retry_intervals", b"enqueue_at_front_on_retry"})
"""Fields that are the worker's to decide. An interval would need a scheduler, and there is none."""


class JobRefused(Exception):
    """The job asks for something that a worker does not do."""


class JsonSerializer:
    """RQ's JSON serializer, faster; reads and writes the same bytes."""

    @staticmethod
    def dumps(value: Any) -> bytes:
        """JSON."""
        return orjson.dumps(value)

    @staticmethod
    def loads(data: bytes) -> Any:
        """The value of the JSON."""
        return orjson.loads(data)


class ScoreJob(Job):
    """A call of `verifier.jobs.score_batch` with one request, and nothing else."""

    refusal: str | None = None
    """Why this job will not run, or None."""
    interrupted: bool = False
    """Whether a worker has begun this job before, and died or raised."""

    def restore(self, raw_data: Mapping[bytes, bytes]) -> None:
        """Reads the hash of a job; one that cannot be read at all counts as missing."""
        foreign = sorted(name.decode() for name in FOREIGN_FIELDS if raw_data.get(name))
        ours = {
            name: value for name, value in raw_data.items() if name not in FOREIGN_FIELDS | IMPOSED_FIELDS
        }
        try:
            super().restore(ours)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise NoSuchJobError(f"the hash of job {self.id} is malformed") from error
        self.interrupted = self.started_at is not None
        self.refusal = f"it carries {', '.join(foreign)}" if foreign else self._refuse_call()
        self._impose_bounds()

    def _refuse_call(self) -> str | None:
        """Why the call itself is refused, or None."""
        try:
            name, instance, args, kwargs = self.func_name, self.instance, self.args, self.kwargs
        except DeserializationError:
            return "its data is not JSON (enqueue with serializer='json')"
        if name != SCORE_BATCH or instance is not None:
            return f"the only function is {SCORE_BATCH}"
        if kwargs or not isinstance(args, list) or len(args) != 1 or not isinstance(args[0], dict):
            return f"{SCORE_BATCH} takes one argument, the request, by position"
        return None

    def _impose_bounds(self) -> None:
        """Retries are the worker's doing, at once and first in the queue; nothing stays for ever."""
        if not self.interrupted:
            self.retries_left = self._retries()  # written down when the job starts
        self.retry_intervals = None
        self.enqueue_at_front_on_retry = True
        self.timeout = _bounded(self.timeout, MAX_TIMEOUT_S)
        self.failure_ttl = _bounded(self.failure_ttl or DEFAULT_FAILURE_TTL_S, MAX_TTL_S)
        if self.result_ttl is not None:
            self.result_ttl = _bounded(self.result_ttl, MAX_TTL_S)

    def prepare_for_execution(self, worker_name: str, pipeline: Pipeline) -> None:
        """Writes down that the job has started, and how often it may start again."""
        super().prepare_for_execution(worker_name, pipeline)
        pipeline.hset(self.key, "retries_left", str(self.retries_left))

    def _retries(self) -> int:
        items = [] if self.refusal else self.args[0].get("items")
        count = len(items) if isinstance(items, list) else 0
        return RETRIES + RETRIES_A_HALVING * count.bit_length()

    @property
    def timeout_s(self) -> float:
        """How long the job may run."""
        return self.timeout or MAX_TIMEOUT_S

    def heartbeat(self, *_: Any, **__: Any) -> None:
        """Nothing: an execution beats, not a job. RQ's would bring back the hash of a deleted job."""

    @property
    def func(self) -> Any:
        """`verifier.jobs.score_batch`: never the outcome of an import by a name that came from Redis.

        Raises:
            JobRefused: this job asks for something else.
        """
        if self.refusal:
            raise JobRefused(self.refusal)
        from verifier import jobs  # it needs this module

        return jobs.score_batch


def _bounded(seconds: float | None, longest: int) -> int:
    """RQ writes "for ever" as -1, and "unset" as None."""
    return longest if seconds is None or seconds < 0 else int(min(seconds, longest))
