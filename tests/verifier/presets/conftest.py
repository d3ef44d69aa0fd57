"""One engine for the golden tables: what a request would meet, without a door before it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from verifier.engine import EngineSettings, open_engine
from verifier.plan import parse_request
from verifier.pool import PoolLimits
from verifier.schema import ScoreResponse

Score = Callable[[dict[str, Any]], ScoreResponse]


def _engine(sandbox: str) -> Iterator[Score]:
    settings = EngineSettings(sandbox=sandbox, limits=PoolLimits(processes=1))
    with asyncio.Runner() as runner:
        context = open_engine(settings)
        engine = runner.run(context.__aenter__())
        try:
            yield lambda body: runner.run(engine.score(parse_request(body)))
        finally:
            runner.run(context.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def score() -> Iterator[Score]:
    """Scores a request body; code is not judged."""
    yield from _engine("none")


@pytest.fixture(scope="session")
def score_with_sandbox() -> Iterator[Score]:
    """Scores a request body; code runs in jails."""
    for scored in _engine("auto"):
        answer = scored({"items": [_CODE_ITEM], "rewards": [{"type": "code"}]})
        if answer.results[0].status != "ok":
            message = f"no sandbox here: {answer.results[0].error}"
            (pytest.fail if os.environ.get("REQUIRE_ALL") else pytest.skip)(message)
        yield scored


_CODE_ITEM = {
    "completion": "```python\nprint(1)\n```",
    "reference": {"tests": {"type": "stdio", "cases": [{"stdin": "", "stdout": "1\n"}]}},
}
