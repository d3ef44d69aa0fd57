"""One engine for the golden tables: what a request meets behind either door."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from verifier.engine import Engine, EngineSettings, open_engine
from verifier.plan import parse_request
from verifier.pool import PoolLimits
from verifier.schema import ScoreResponse

Score = Callable[[dict[str, Any]], ScoreResponse]


@contextmanager
def _running(sandbox: str) -> Iterator[Score]:
    """An engine in an event loop of its own thread."""
    settings = EngineSettings(sandbox=sandbox, limits=PoolLimits(processes=1))
    loop, opened, closed = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    held: list[Engine] = []

    async def serve() -> None:
        async with open_engine(settings) as engine:
            held.append(engine)
            opened.set()
            await closed.wait()

    def score(body: dict[str, Any]) -> ScoreResponse:
        future = asyncio.run_coroutine_threadsafe(held[0].score(parse_request(body)), loop)
        return future.result(timeout=60)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert opened.wait(60), "the engine did not open"
        yield score
    finally:
        loop.call_soon_threadsafe(closed.set)
        thread.join(60)
        loop.close()


@pytest.fixture(scope="session")
def score() -> Iterator[Score]:
    """Scores a request body; code is not judged."""
    with _running("none") as scored:
        yield scored


@pytest.fixture(scope="session")
def score_with_sandbox() -> Iterator[Score]:
    """Scores a request body; code runs in jails."""
    with _running("auto") as scored:
        answer = scored({"items": [_CODE_ITEM], "rewards": [{"type": "code"}]})
        if answer.results[0].status != "ok":
            message = f"no sandbox here: {answer.results[0].error}"
            (pytest.fail if os.environ.get("REQUIRE_ALL") else pytest.skip)(message)
        yield scored


_CODE_ITEM = {
    "completion": "```python\nprint(1)\n```",
    "reference": {"tests": {"type": "stdio", "cases": [{"stdin": "", "stdout": "1\n"}]}},
}
