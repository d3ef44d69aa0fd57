"""What every verifier client can do."""

from __future__ import annotations

from concurrent.futures import Future
from types import TracebackType
from typing import Protocol, Self

from trainer_client.wire import ScoreRequest, ScoreResponse


class Verifier(Protocol):
    """Scores batches; every method may be called from any thread.

    A request that is not valid raises `RequestRejected`. A fault raises nothing: the items that could not be
    judged come back with ``reward`` ``None`` and an ``error`` that says why.
    """

    def submit(self, request: ScoreRequest) -> Future[ScoreResponse]:
        """Starts scoring and returns at once; cancelling the future gives up the batch."""

    def score(self, request: ScoreRequest) -> ScoreResponse:
        """Scores and waits."""

    async def score_async(self, request: ScoreRequest) -> ScoreResponse:
        """Scores without blocking the event loop; cancelling the task gives up the batch."""

    def close(self) -> None:
        """Gives up what is outstanding and releases every thread and connection."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
