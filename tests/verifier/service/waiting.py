"""Waiting for what comes about by itself."""

from __future__ import annotations

import time
from collections.abc import Callable


def await_true(condition: Callable[[], bool]) -> None:
    """Look twenty times a second, for half a minute."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about")
