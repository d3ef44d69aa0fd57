"""One worker process's loop: takes a score job, runs it here, stores the result.

RQ's SimpleWorker, with what a week of jobs needs of it: see `verifier.queue.job` for what it refuses to run,
and `verifier.queue.caretaker` for how a job outlives its worker.
"""

from __future__ import annotations

from signal import Signals
from types import FrameType
from typing import Any

from redis import Redis
from redis.client import Pipeline
from rq import Queue, SimpleWorker, worker_registration
from rq.exceptions import InvalidJobOperation
from rq.job import Job, JobStatus
from rq.timeouts import JobTimeoutException
from rq.worker import WorkerStatus

from verifier.queue.caretaker import HEARTBEAT_TTL_S, Caretaker
from verifier.queue.connections import brisk_connection, patient_connection
from verifier.queue.job import JobRefused, JsonSerializer, ScoreJob
from verifier.queue.recovery import ScoreQueue

DEQUEUE_S = 1
"""How long a worker blocks for a job, and thus how late it notices that it shall stop."""
WORKER_TTL_S = DEQUEUE_S + 15
"""RQ blocks for 15 s less than a worker's time to live."""


class ScoreWorker(SimpleWorker):
    """Serves one queue: with two, RQ takes jobs by BLPOP, and one taken by a worker killed then is lost."""

    job_class = ScoreJob
    queue_class: type[Queue] = ScoreQueue
    log_result_lifespan = False
    max_connection_wait_time = 2.0

    def __init__(self, queue: str, redis_url: str, name: str) -> None:
        connection = patient_connection(redis_url)
        self.queue = ScoreQueue(queue, connection)
        super().__init__(
            [self.queue],
            name=name,
            connection=connection,
            worker_ttl=WORKER_TTL_S,
            job_class=ScoreJob,
            queue_class=ScoreQueue,
            serializer=JsonSerializer,
            log_job_description=False,
        )
        self._caretaker = Caretaker(ScoreQueue(queue, brisk_connection(redis_url)), self._show_life)

    def bootstrap(self, *args: Any, **options: Any) -> None:
        """Registers, then keeps the registration alive."""
        super().bootstrap(*args, **options)
        self._caretaker.start()

    def register_death(self) -> None:
        """Ends the registration, for good."""
        self._caretaker.stop()
        super().register_death()  # type: ignore[no-untyped-call]

    def _show_life(self, pipe: Pipeline) -> None:
        worker_registration.register(self, pipe)
        self.heartbeat(pipeline=pipe)

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """One time to live for all beats. RQ's is the execution's while a job runs: a longer job ends it."""
        super().heartbeat(WORKER_TTL_S, pipeline)

    def _set_ip_address(self, connection: Redis) -> None:
        """Unknown: RQ asks for the list of all clients, which a worker has no business to read."""
        self.ip_address = "unknown"

    def get_heartbeat_ttl(self, job: Job) -> int:
        """Short, since the caretaker beats; RQ's is the job's timeout and a minute."""
        return HEARTBEAT_TTL_S

    @property
    def should_run_maintenance_tasks(self) -> bool:
        """Never between jobs: the caretaker does it."""
        return False

    def subscribe(self) -> None:
        """No remote commands: whoever stops a worker sends its process a signal."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Asks the loop to end. RQ raises out of the read, and can strand the job being handed over."""
        self.log.info("Worker %s: %s, stopping after the job at hand", self.name, Signals(signum).name)
        self._stop_requested = True

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """The next job that is to run, or None when the loop shall end."""
        while not self._stop_requested:
            taken = super().dequeue_job_and_maintain_ttl(timeout, max_idle_time=timeout or 0)
            if taken is None:
                if timeout is None:  # burst mode: the queue is empty
                    return None
                continue
            if self._is_due(taken[0]):
                return taken
        return None

    def _is_due(self, job: Job) -> bool:
        """Whether a job is to run: not if it was handed out twice, and not if it is refused."""
        if job.get_status(refresh=False) != JobStatus.QUEUED:
            self._put_down(job)
            return False
        if isinstance(job, ScoreJob) and job.refusal:
            self._refuse(job)
            return False
        return True

    def _put_down(self, job: Job) -> None:
        self.connection.lrem(self.queue.intermediate_queue_key, 1, job.id)

    def _refuse(self, job: ScoreJob) -> None:
        """Fails a job at once, with nothing of it run and no retry."""
        self.log.warning("Worker %s: job %s refused: %s", self.name, job.id, job.refusal)
        job.retries_left = 0
        self.handle_job_failure(job, self.queue, exc_string=f"{JobRefused.__name__}: {job.refusal}")
        self._put_down(job)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Runs the job in this process, while the caretaker beats for it."""
        self._caretaker.watch(self.prepare_execution(job))
        try:
            self.perform_job(job, queue)
        finally:
            self._caretaker.watch(None)
        self.set_state(WorkerStatus.IDLE)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Logs. What overran its timeout, though the engine ends in time by itself, is not tried again."""
        if exc_info[0] is JobTimeoutException:
            job.retries_left = 0
        super().handle_exception(job, *exc_info)

    def handle_job_success(self, job: Job, queue: Queue, started_job_registry: Any) -> None:
        """Stores the result, unless another execution of the same job was faster: a job gives one result."""
        if self._is_settled(job):
            with self.connection.pipeline() as pipe:
                self.cleanup_execution(job, pipeline=pipe)
                pipe.execute()
            return
        super().handle_job_success(job, queue, started_job_registry)

    def _is_settled(self, job: Job) -> bool:
        try:
            return Job.get_status(job) in (JobStatus.FINISHED, JobStatus.FAILED)
        except InvalidJobOperation:  # its submitter has the result, or gave up, and deleted it
            return True
