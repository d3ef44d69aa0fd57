"""The engine of a worker process: one event loop on a thread of its own.

Jobs come on the main thread, one at a time, where RQ's SIGALRM ends one that takes too long. The alarm only
ever interrupts the main thread's wait: the engine sees an ordinary cancellation, and is whole for the next
job.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, wait
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from typing import Protocol

from anyio.from_thread import BlockingPortal, start_blocking_portal

from verifier.queue.blobs import Blobs
from verifier.schema import ScoreRequest, ScoreResponse

CANCEL_S = 5.0
"""How long a cancelled request may take to let go of what it holds."""


class Scorer(Protocol):
    """What a worker needs of the engine."""

    async def score(self, request: ScoreRequest, request_id: str | None = None) -> ScoreResponse:
        """Scores a request.

        Raises:
            RequestInvalid: the request is not valid.
        """


class Runtime:
    """A scorer that lives on `portal`'s loop."""

    def __init__(self, portal: BlockingPortal, scorer: Scorer) -> None:
        self._portal = portal
        self._scorer = scorer
        self.blobs = Blobs()

    def score(self, request: ScoreRequest, request_id: str) -> ScoreResponse:
        """Scores and waits; when the wait is interrupted, the scoring is cancelled first."""
        future: Future[ScoreResponse] = self._portal.start_task_soon(self._scorer.score, request, request_id)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            with suppress(TimeoutError, CancelledError):
                wait([future], CANCEL_S)
            raise


_current: Runtime | None = None
"""RQ calls a function by name, so the process's one engine must be found by name too."""


@contextmanager
def running(engine: AbstractAsyncContextManager[Scorer]) -> Iterator[None]:
    """Opens the process's engine; within, `current` finds it."""
    global _current
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(engine) as scorer:
        _current = Runtime(portal, scorer)
        try:
            yield
        finally:
            _current = None


def current() -> Runtime:
    """The process's engine."""
    if _current is None:
        raise RuntimeError("score_batch runs in a worker: start one with `verifier worker`")
    return _current
