"""Try-acquire: what does not fit now is refused at once, so that a queue never grows without bound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge

from verifier.errors import ErrorCode, RequestInvalid

IN_FLIGHT = Gauge("verifier_items_in_flight", "Items of requests being scored.")


class Admission:
    """Counts the items in flight."""

    def __init__(self, max_items: int) -> None:
        self._max_items = max_items
        self._items = 0

    @contextmanager
    def admit(self, items: int) -> Iterator[None]:
        """Hold room for so many items. A request always fits into an idle server.

        Raises:
            RequestInvalid: full.
        """
        if self._items and self._items + items > self._max_items:
            raise RequestInvalid(ErrorCode.OVERLOADED, "the server is full; send the request again later")
        self._items += items
        IN_FLIGHT.set(self._items)
        try:
            yield
        finally:
            self._items -= items
            IN_FLIGHT.set(self._items)
