"""The client of ``verifier worker``: scores through a Redis queue."""

from __future__ import annotations

import contextlib
import logging
import math
import random
import threading
import time
import uuid
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import cast

import redis

from trainer_client.batch import Batch, Chunk, rejection
from trainer_client.client import BaseVerifier
from trainer_client.errors import VerifierClosed
from trainer_client.jobs import BLOB_TTL_S, Outcome, ScoreJobs
from trainer_client.wire import ScoreRequest, ScoreResponse

BLOCK_S = 2.0
"""Longest blocking read; bounds how late a deadline or a close is noticed when Redis is silent."""
CHECK_S = 5.0
"""How often it is checked that the jobs still exist."""
MIN_IN_FLIGHT = 8
IN_FLIGHT_A_WORKER = 4
MAX_ENQUEUES = 3
"""How often a chunk is enqueued before it is given up as lost."""
DEADLINE_GRACE_S = 10.0
"""How long after a request's own `deadline_s` its partial results may still arrive."""
BLOB_IS_GONE = "unknown_reference"
"""What a worker answers to a whole job when a stored reference has expired."""
RECONNECT_S = (0.1, 3.0)
"""First and longest pause before another try to reach Redis."""

logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Ticket:
    """One submitted batch."""

    batch: Batch
    future: Future[ScoreResponse]
    started: float
    end: float
    waiting: deque[Chunk] = field(default_factory=deque)
    """Chunks not enqueued yet."""
    paused: list[tuple[float, Chunk]] = field(default_factory=list)
    """Chunks to be asked again, and from when on."""
    acknowledged: bool = False
    """Whether the future has been told that it is running or cancelled, which must happen once."""


@dataclass(eq=False, slots=True)
class _Running:
    """One chunk on the queue."""

    ticket: _Ticket
    chunk: Chunk
    enqueues: int = 0
    """How often Redis has taken it."""


class QueueVerifier(BaseVerifier):
    """Scores through the queue that ``verifier worker`` serves.

    Large batches are split by items and bytes, never inside a group. A reference of more than `blob_bytes`,
    like a test set of several MB, is stored once and named by its hash.

    At most `in_flight` chunks of this client are on the queue at a time (by default four for each worker),
    taken in turn from all its batches: a small batch does not wait behind a huge one, nor one client behind
    another.

    One background thread awaits all outstanding jobs by a single blocking read. Redis may restart meanwhile:
    jobs that it lost are enqueued anew. What has no answer `timeout` seconds after the batch was submitted is
    an error item.
    """

    def __init__(
        self,
        redis_url: str,
        queue: str = "score",
        *,
        timeout: float = 1800.0,
        job_timeout: int = 600,
        in_flight: int | None = None,
        max_items: int = 64,
        max_bytes: int = 4 << 20,
        blob_bytes: int = 16 << 10,
    ) -> None:
        self._timeout = timeout
        self._asked_in_flight = in_flight
        self._in_flight = in_flight or MIN_IN_FLIGHT
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._blob_bytes = blob_bytes
        self._blob_ttl_s = max(BLOB_TTL_S, int(timeout) + job_timeout)
        self._jobs = ScoreJobs(redis_url, queue, job_timeout, BLOCK_S)
        self._lock = threading.Lock()
        self._inbox: deque[_Ticket] = deque()
        self._tickets: deque[_Ticket] = deque()
        self._running: dict[str, _Running] = {}
        self._ended: list[str] = []
        """Jobs to delete in Redis at the next opportunity."""
        self._closed = False
        self._checked = 0.0
        self._reachable = True
        self._thread = threading.Thread(target=self._work, name="QueueVerifier", daemon=True)
        self._thread.start()

    def submit(self, request: ScoreRequest) -> Future[ScoreResponse]:
        """See `BaseVerifier.submit`."""
        batch = Batch(
            request, max_items=self._max_items, max_bytes=self._max_bytes, blob_bytes=self._blob_bytes
        )
        now = time.monotonic()
        limit_s = min(self._timeout, request.get("deadline_s", math.inf) + DEADLINE_GRACE_S)
        ticket = _Ticket(batch, Future(), now, now + limit_s, deque(batch.chunks()))
        with self._lock:
            if self._closed:
                raise VerifierClosed("this QueueVerifier is closed")
            self._inbox.append(ticket)
        ticket.future.add_done_callback(lambda future: self._wake() if future.cancelled() else None)
        self._wake()
        return ticket.future

    def close(self) -> None:
        """See `BaseVerifier.close`."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._wake()
        self._thread.join()
        self._jobs.close()

    def _wake(self) -> None:
        # Without Redis the thread is trying to reconnect, and looks at the inbox meanwhile.
        with contextlib.suppress(redis.RedisError):
            self._jobs.wake()

    # Below, everything runs on the background thread.

    def _work(self) -> None:
        pause = RECONNECT_S[0]
        while not self._closed:
            try:
                self._step()
                pause = RECONNECT_S[0]
                self._reachable = True
            except redis.RedisError as error:
                self._reachable = False
                self._checked = 0.0  # once it is back, look which jobs it still knows
                logger.warning("Redis does not answer as it should (%s); next try in %.1f s", error, pause)
                time.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(2 * pause, RECONNECT_S[1])
            except Exception as error:
                logger.exception("a defect of the client; all that is outstanding fails with it")
                for ticket in self._tickets:
                    _finish(ticket, error)
        self._end()

    def _step(self) -> None:
        """One round: take in what is new, give up what is overdue, fill the window, wait for an answer."""
        with self._lock:
            while self._inbox:
                self._tickets.append(self._inbox.popleft())
        self._drop_settled()
        self._resume_paused()
        if time.monotonic() - self._checked > CHECK_S:
            self._restore_lost()
            self._adjust_window()
            self._checked = time.monotonic()
        self._enqueue()
        for job_id, outcome in self._jobs.wait(self._running).items():
            self._settle(job_id, outcome)

    def _adjust_window(self) -> None:
        """As many chunks as keep every worker busy, and not many more."""
        self._in_flight = self._asked_in_flight or max(
            MIN_IN_FLIGHT, IN_FLIGHT_A_WORKER * self._jobs.count_workers()
        )

    def _resume_paused(self) -> None:
        now = time.monotonic()
        for ticket in self._tickets:
            ticket.waiting.extend(chunk for due, chunk in ticket.paused if due <= now)
            ticket.paused = [(due, chunk) for due, chunk in ticket.paused if due > now]

    def _enqueue(self) -> None:
        """Fills the window, one chunk of each batch in turn."""
        chosen: list[tuple[str, _Running]] = []
        while len(self._running) + len(chosen) < self._in_flight:
            ticket = next((ticket for ticket in self._tickets if ticket.waiting), None)
            if ticket is None:
                break
            self._tickets.remove(ticket)
            self._tickets.append(ticket)
            chosen.append((uuid.uuid4().hex, _Running(ticket, ticket.waiting.popleft())))
        # Before the call: when it fails we do not know whether Redis has them, and look later.
        self._running.update(chosen)
        self._put(chosen)

    def _put(self, chosen: list[tuple[str, _Running]]) -> None:
        """Enqueues, and deletes what has ended."""
        blobs = {name: data for _, job in chosen for name, data in job.chunk.blobs.items()}
        if blobs:
            self._jobs.store(blobs, self._blob_ttl_s)
        if chosen or self._ended:
            now = time.monotonic()
            self._jobs.exchange(
                self._ended,
                [(job_id, job.chunk.body, max(1, int(job.ticket.end - now))) for job_id, job in chosen],
            )
            self._ended.clear()
        for _, job in chosen:
            job.enqueues += 1

    def _restore_lost(self) -> None:
        """Enqueues anew what Redis no longer knows."""
        self._put_again(self._jobs.missing(list(self._running)))

    def _put_again(self, job_ids: list[str]) -> None:
        """Enqueues anew, a bounded number of times."""
        for job_id in job_ids:
            if self._running[job_id].enqueues >= MAX_ENQUEUES:
                self._settle(job_id, Outcome(failed=True))
        self._put([(job_id, self._running[job_id]) for job_id in job_ids if job_id in self._running])

    def _settle(self, job_id: str, outcome: Outcome) -> None:
        """Takes the end of a job into its batch."""
        answer = outcome.value if isinstance(outcome.value, dict) else {}
        refusal = answer["error"] if isinstance(answer.get("error"), dict) else None
        self._ended.append(job_id)
        if refusal and refusal.get("code") == BLOB_IS_GONE:
            self._put_again([job_id])
            return
        job = self._running.pop(job_id)
        ticket, chunk = job.ticket, job.chunk
        if "results" in answer:
            now = time.monotonic()
            again = ticket.batch.absorb(chunk, cast(ScoreResponse, answer))
            ticket.paused.extend((now + chunk.pause_s, chunk) for chunk in again)
        elif refusal:
            _finish(ticket, rejection(chunk, refusal))
        else:
            ticket.batch.fail(chunk, "job_lost", "the workers could not finish the job that held this item")
        if ticket.batch.done:
            _finish(ticket, ticket.batch.response(1000 * (time.monotonic() - ticket.started)))

    def _drop_settled(self) -> None:
        """Ends overdue batches, and forgets the jobs of every batch that has ended."""
        now = time.monotonic()
        for ticket in self._tickets:
            if now > ticket.end and not ticket.future.done():
                self._expire(ticket)
        settled = {ticket for ticket in self._tickets if ticket.future.done()}
        if settled:
            for ticket in settled:
                _acknowledge(ticket)
            orphans = [job_id for job_id, job in self._running.items() if job.ticket in settled]
            for job_id in orphans:
                del self._running[job_id]
            self._tickets = deque(ticket for ticket in self._tickets if ticket not in settled)
            self._ended += orphans

    def _expire(self, ticket: _Ticket) -> None:
        code, message = ("deadline", "no worker answered within the client's timeout")
        if not self._reachable:
            code, message = ("queue_unavailable", "Redis did not answer within the client's timeout")
        open_chunks = [job.chunk for job in self._running.values() if job.ticket is ticket]
        for chunk in [*open_chunks, *ticket.waiting, *(chunk for _, chunk in ticket.paused)]:
            ticket.batch.fail(chunk, code, message)
        _finish(ticket, ticket.batch.response(1000 * (time.monotonic() - ticket.started)))

    def _end(self) -> None:
        """Cancels what is outstanding and takes it off the queue."""
        with self._lock:
            self._tickets.extend(self._inbox)
            self._inbox.clear()
        for ticket in self._tickets:
            ticket.future.cancel()
            _acknowledge(ticket)
        try:
            self._jobs.exchange([*self._ended, *self._running], [])
        except redis.RedisError:
            logger.warning("Redis does not answer; jobs given up will expire there")


def _finish(ticket: _Ticket, result: ScoreResponse | Exception) -> None:
    """Completes the future, unless it was cancelled."""
    if not _acknowledge(ticket):
        return
    if isinstance(result, Exception):
        ticket.future.set_exception(result)
    else:
        ticket.future.set_result(result)


def _acknowledge(ticket: _Ticket) -> bool:
    """Tells the future that it runs, or its waiters that it was cancelled; whether it may be set."""
    if ticket.acknowledged:
        return False
    ticket.acknowledged = True
    return ticket.future.set_running_or_notify_cancel()
