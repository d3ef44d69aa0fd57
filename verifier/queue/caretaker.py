"""The side thread of a worker: it keeps the running job's execution fresh, and looks after the dropped jobs
of others.

RQ's SimpleWorker does both on its main thread, between jobs: a job longer than the heartbeat's time to live
would be taken for abandoned and run again while it runs, and nobody would look after the jobs of the dead
while all are busy.
"""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Self

import redis
from rq.executions import Execution

from verifier.queue.recovery import Executions, ScoreQueue

BEAT_S = 1.5
HEARTBEAT_TTL_S = 6
"""After this long without a beat an execution counts as abandoned."""

logger = logging.getLogger(__name__)


class Caretaker:
    """Beats for one execution at a time, and maintains the queue."""

    def __init__(self, queue: ScoreQueue) -> None:
        self._queue = queue
        self._execution: Execution | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="caretaker", daemon=True)
        self._maintain_after = 0.0

    def watch(self, execution: Execution | None) -> None:
        """From now on beats for this execution, or for none."""
        self._execution = execution

    def __enter__(self) -> Self:
        self._postpone()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(BEAT_S):
            try:
                self._beat()
                if time.monotonic() > self._maintain_after:
                    self._queue.maintain()
            except redis.RedisError as error:
                logger.warning("cannot reach Redis for a heartbeat: %s", error)
                self._postpone()

    def _postpone(self) -> None:
        """After an outage every execution looks abandoned: all get time to beat before anyone judges."""
        self._maintain_after = time.monotonic() + HEARTBEAT_TTL_S

    def _beat(self) -> None:
        execution = self._execution
        if execution is None:
            return
        with self._queue.connection.pipeline() as pipe:
            execution.heartbeat(Executions(self._queue), HEARTBEAT_TTL_S, pipe)
            pipe.execute()
