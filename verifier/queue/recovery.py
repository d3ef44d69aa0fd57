"""Bringing jobs back whose worker is gone.

A worker that takes a job moves its id to the queue's intermediate list, then enters an execution into the
registry ``rq:wip:<queue>`` and keeps it fresh. An execution that goes stale is one whose worker died: the job
is enqueued again, first in the queue. RQ does the same, but within 10 to 14 minutes: its registry entries
live for 90 s, its maintenance runs every 10 minutes, and when a worker is killed during maintenance the lock
stays for 15.
"""

from __future__ import annotations

import time
from typing import cast

from redis import Redis
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.executions import Execution
from rq.job import JobStatus
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry
from rq.utils import as_text, parse_composite_key
from rq.worker_registration import clean_worker_registry

from verifier.queue.job import JsonSerializer, ScoreJob
from verifier.queue.parts import Progress

LOCK_S = 10
"""Maintenance takes milliseconds; a lock this old has no owner."""
STRANDED_S = 6
"""How long an id may stand in the intermediate list: moving on takes milliseconds."""
SEEN_TTL_S = 3600
LONG_AGO = 1
"""A time stamp of the registry that is stale without doubt."""


class Executions(StartedJobRegistry):
    """The running executions of a queue."""

    job_class = ScoreJob

    def __init__(self, queue: ScoreQueue) -> None:
        super().__init__(queue=queue, job_class=ScoreJob)
        self._queue = queue

    def get_queue(self) -> ScoreQueue:
        """Where abandoned jobs go; RQ's own would enqueue their dependents too."""
        return self._queue

    def abandon(self, worker_name: str, crashed: bool) -> bool:
        """Enqueues again at once what a dead worker was running; whether it was any.

        Args:
            worker_name: of the dead.
            crashed: whether its end was its own doing, and thus perhaps its job's.
        """
        keys = [as_text(key) for key in cast("list[bytes]", self.connection.zrange(self.key, 0, -1))]
        if stale := [key for key in keys if self._worker_of(key) == worker_name]:
            for key in stale if crashed else ():
                Progress(self.connection, self.parse_job_id(key)).blame()
            self.connection.zadd(self.key, dict.fromkeys(stale, LONG_AGO), xx=True)
            self.cleanup(timestamp=LONG_AGO)
        return bool(stale)

    def _worker_of(self, composite_key: str) -> str | None:
        job_id, execution_id = parse_composite_key(composite_key)
        execution = Execution(execution_id, job_id, connection=self.connection)
        name = self.connection.hget(execution.key, "worker_name")
        return as_text(name) if name else None


class ScoreQueue(Queue):
    """A queue of score jobs, and the care for those that were dropped."""

    job_class = ScoreJob

    def __init__(self, name: str, connection: Redis, **_: object) -> None:
        super().__init__(name, connection=connection, serializer=JsonSerializer)

    def maintain(self) -> None:
        """Enqueues the jobs of dead workers again and clears what has expired; one process at a time."""
        if not self.connection.set(self.registry_cleaning_key, 1, nx=True, ex=LOCK_S):
            return
        try:
            Executions(self).cleanup()
            FinishedJobRegistry(queue=self).cleanup()
            FailedJobRegistry(queue=self).cleanup()
            clean_worker_registry(self)
            self._recover_stranded()
        finally:
            self.connection.delete(self.registry_cleaning_key)

    def enqueue_dependents(self, *_: object, **__: object) -> None:
        """Nothing: a job cannot name another that is to run after it."""

    def _recover_stranded(self) -> None:
        """Jobs whose worker died, or lost its connection, between taking the id and starting the job."""
        now = time.time()
        seen_key = f"{self.intermediate_queue_key}:seen"
        ids = {as_text(entry) for entry in self.connection.lrange(self.intermediate_queue_key, 0, -1)}
        seen = {as_text(entry): float(at) for entry, at in self.connection.hgetall(seen_key).items()}
        if gone := seen.keys() - ids:
            self.connection.hdel(seen_key, *gone)
        if fresh := ids - seen.keys():
            self.connection.hset(seen_key, mapping=dict.fromkeys(fresh, now))
            self.connection.expire(seen_key, SEEN_TTL_S)
        for job_id in ids & seen.keys():
            if now - seen[job_id] > STRANDED_S:
                self._recover(job_id)

    def _recover(self, job_id: str) -> None:
        """Puts a stranded job back in front, unless it has moved on and only its id was left behind."""
        with self.connection.pipeline() as pipe:
            pipe.lrem(self.intermediate_queue_key, 0, job_id)
            if self._waits_nowhere(job_id):
                pipe.lpush(self.key, job_id)
            pipe.execute()

    def _waits_nowhere(self, job_id: str) -> bool:
        try:
            job = ScoreJob.fetch(job_id, connection=self.connection, serializer=self.serializer)
        except NoSuchJobError:
            return False
        return (
            job.get_status(refresh=False) == JobStatus.QUEUED
            and job_id not in Executions(self)
            and self.get_job_position(job_id) is None
        )
