"""What the two clients share."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from trainer_client.wire import ScoreRequest, ScoreResponse


class BaseVerifier(ABC):
    """Everything of a `Verifier` that follows from `submit` and `close`."""

    @abstractmethod
    def submit(self, request: ScoreRequest) -> Future[ScoreResponse]:
        """Starts scoring and returns at once; cancelling the future gives up the batch.

        Raises:
            RequestRejected: the request cannot be written as JSON. What the verifier refuses, the future
            raises. VerifierClosed: the client is closed.
        """

    @abstractmethod
    def close(self) -> None:
        """Cancels what is outstanding and releases every thread and connection; safe to call twice."""

    def score(self, request: ScoreRequest) -> ScoreResponse:
        """Scores and waits. Raises as `submit` and its future do."""
        return self.submit(request).result()

    async def score_async(self, request: ScoreRequest) -> ScoreResponse:
        """Scores without blocking the event loop; cancelling the task gives up the batch."""
        return await asyncio.wrap_future(self.submit(request))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
