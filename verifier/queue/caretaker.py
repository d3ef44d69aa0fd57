"""The side thread of a worker: shows that it and its job live, and looks after the dropped jobs of others.

RQ's SimpleWorker does both on its main thread, between jobs: a job longer than the heartbeat's time to live
would be taken for abandoned and run again while it runs, its worker would drop out of the registry, and
nobody would look after the jobs of the dead while all are busy.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import redis
from redis.client import Pipeline
from rq.executions import Execution

from verifier.queue.recovery import Executions, ScoreQueue

BEAT_S = 1.5
HEARTBEAT_TTL_S = 6
"""After this long without a beat an execution counts as abandoned."""

logger = logging.getLogger(__name__)


class Caretaker:
    """Beats for a worker and one execution at a time, and maintains the queue.

    Args:
        queue: on a connection of its own.
        beat: writes the worker's own sign of life.
    """

    def __init__(self, queue: ScoreQueue, beat: Callable[[Pipeline], None]) -> None:
        self._queue = queue
        self._beat_worker = beat
        self._execution: Execution | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="caretaker", daemon=True)
        self._maintain_after = 0.0

    def watch(self, execution: Execution | None) -> None:
        """From now on beats for this execution, or for none."""
        self._execution = execution

    def start(self) -> None:
        """Begins to beat."""
        self._postpone()
        self._thread.start()

    def stop(self) -> None:
        """Ends; no beat comes after this."""
        self._stop.set()
        self._thread.join()
        self._queue.connection.close()

    def _work(self) -> None:
        while not self._stop.wait(BEAT_S):
            try:
                self._beat()
                if time.monotonic() > self._maintain_after:
                    self._queue.maintain()
            except redis.RedisError as error:
                logger.warning("cannot reach Redis for a heartbeat: %s", error)
                self._postpone()
            except Exception:
                logger.exception("maintenance of the queue failed")

    def _postpone(self) -> None:
        """After an outage every execution looks abandoned: all get time to beat before anyone judges."""
        self._maintain_after = time.monotonic() + HEARTBEAT_TTL_S

    def _beat(self) -> None:
        execution = self._execution
        with self._queue.connection.pipeline() as pipe:
            self._beat_worker(pipe)
            if execution is not None:
                execution.heartbeat(Executions(self._queue), HEARTBEAT_TTL_S, pipe)
            pipe.execute()
