"""Score jobs on RQ: enqueued by name, awaited on their result streams.

What this module relies on of RQ (2.12): a job is the hash ``rq:job:<id>``; each ended execution appends one
entry to the stream ``rq:results:<id>``, with ``type`` 1 success, 2 failed, 3 stopped, 4 retried (another will
follow), 5 retries exhausted, and ``return_value`` in base64 of the serializer's output; a finished (failed)
job's id stands in ``rq:finished:<queue>`` (``rq:failed:<queue>``) until it expires.
"""

from __future__ import annotations

import contextlib
import uuid
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue

SCORE_BATCH = "verifier.jobs.score_batch"
RESULT_TTL_S = 900
"""How long a result waits to be fetched; the client deletes what it has fetched."""
BLOB_TTL_S = 7200
"""How long a stored reference is kept after the last job that named it was enqueued."""
WAKE_TTL_S = 3600
SUCCESS, RETRIED = b"1", b"4"


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended."""

    value: Any = None
    """What it returned."""
    failed: bool = False


class ScoreJobs:
    """The score jobs of one client; raises `redis.RedisError` when Redis does not answer."""

    def __init__(self, redis_url: str, queue: str, job_timeout_s: int, block_s: float) -> None:
        # No retries here: a retried XREAD would only hide for how long Redis has been away.
        self._redis = Redis.from_url(
            redis_url,
            protocol=2,
            socket_timeout=block_s + 5,
            socket_connect_timeout=5,
            retry=Retry(NoBackoff(), 0),
        )
        self._queue = Queue(queue, connection=self._redis, serializer=JsonSerializer)
        self._job_timeout_s = job_timeout_s
        self._block_ms = int(1000 * block_s)
        self._wake_key = f"verifier:wake:{uuid.uuid4().hex}"
        self._woken = "0-0"

    def exchange(self, ended: Sequence[str], jobs: Sequence[tuple[str, dict[str, Any], int]]) -> None:
        """Deletes jobs and their results, and enqueues others: in one transaction.

        Args:
            ended: one of them that still waits will not run.
            jobs: ids, requests, and how many seconds they may wait.
        """
        with self._redis.pipeline() as pipe:
            if ended:
                pipe.unlink(*(f"rq:{kind}:{job_id}" for job_id in ended for kind in ("job", "results")))
                pipe.zrem(f"rq:finished:{self._queue.name}", *ended)
                pipe.zrem(f"rq:failed:{self._queue.name}", *ended)
            if jobs:
                self._queue.enqueue_many([self._call(*job) for job in jobs], pipeline=pipe)
            pipe.execute()

    def _call(self, job_id: str, request: dict[str, Any], ttl_s: int) -> Any:
        return Queue.prepare_data(
            SCORE_BATCH,
            args=(request,),
            job_id=job_id,
            timeout=self._job_timeout_s,
            ttl=ttl_s,
            result_ttl=RESULT_TTL_S,
            failure_ttl=RESULT_TTL_S,
            description="score_batch",  # else RQ quotes the arguments here
        )

    def store(self, blobs: Mapping[str, bytes], ttl_s: int) -> None:
        """Sees to it that references are stored under their hashes for so many seconds more."""
        keys = {f"verifier:blob:{name}": data for name, data in blobs.items()}
        with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.expire(key, ttl_s)
            known = pipe.execute()
            for (key, data), is_known in zip(keys.items(), known, strict=True):
                if not is_known:
                    pipe.set(key, data, ex=ttl_s)
            pipe.execute()

    def wait(self, job_ids: Iterable[str]) -> dict[str, Outcome]:
        """Blocks until a job ends or `wake` is called, but at most `block_s` seconds."""
        streams: dict[Any, Any] = {f"rq:results:{job_id}": "0-0" for job_id in job_ids}
        streams[self._wake_key] = self._woken
        answer: Any = self._redis.xread(streams, block=self._block_ms)
        outcomes = {}
        for key, entries in answer or []:
            if key.decode() == self._wake_key:
                self._woken = entries[-1][0].decode()
            elif ended := [fields for _, fields in entries if fields.get(b"type") != RETRIED]:
                outcomes[key.decode().removeprefix("rq:results:")] = _outcome(ended[0])
        return outcomes

    def wake(self) -> None:
        """Makes the `wait` of another thread return; one that comes before the wait is not lost."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.xadd(self._wake_key, {"": ""}, maxlen=1)
            pipe.expire(self._wake_key, WAKE_TTL_S)
            pipe.execute()

    def missing(self, job_ids: Sequence[str]) -> list[str]:
        """Those of which Redis knows neither the job nor a result."""
        with self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.exists(f"rq:job:{job_id}", f"rq:results:{job_id}")
            return [job_id for job_id, known in zip(job_ids, pipe.execute(), strict=True) if not known]

    def count_workers(self) -> int:
        """How many workers serve the queue."""
        return self._redis.scard(f"rq:workers:{self._queue.name}")

    def close(self) -> None:
        """Releases the connections and what this client keeps in Redis."""
        with contextlib.suppress(RedisError):  # it expires
            self._redis.unlink(self._wake_key)
        self._redis.close()


def _outcome(fields: dict[bytes, bytes]) -> Outcome:
    if fields.get(b"type") != SUCCESS:
        return Outcome(failed=True)
    try:
        return Outcome(orjson.loads(b64decode(fields[b"return_value"])))
    except (KeyError, ValueError):  # not written by a worker of ours
        return Outcome(failed=True)
