"""Bytes that may be held at once, by all requests together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge

from verifier.errors import ErrorCode, RequestInvalid


class ByteBudget:
    """So many bytes, and no waiting: what does not fit is refused."""

    def __init__(self, size: int, gauge: Gauge) -> None:
        self._size = size
        self._held = 0
        self._gauge = gauge

    @contextmanager
    def share(self) -> Iterator[Share]:
        """One request's part, nothing at first, given back in the end."""
        share = Share(self)
        try:
            yield share
        finally:
            share.release()

    def hold(self, more: int) -> None:
        """Count so many bytes as held; fewer than none gives back.

        Raises:
            RequestInvalid: they do not fit now.
        """
        if self._held + more > self._size:
            message = "too many bytes of requests are held at once; send the request again later"
            raise RequestInvalid(ErrorCode.OVERLOADED, message)
        self._held += more
        self._gauge.set(self._held)


class Share:
    """What one request holds."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self.size = 0

    def take(self, more: int) -> None:
        """Hold so many bytes more."""
        self._budget.hold(more)
        self.size += more

    def release(self) -> None:
        """Give everything back."""
        self._budget.hold(-self.size)
        self.size = 0
