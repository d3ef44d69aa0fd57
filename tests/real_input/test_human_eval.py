"""HumanEval in real jails: right programs pass, and programs that only look right do not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from sandbox.client import open_sandbox
from verifier.datasets import DatasetItem, read_rows, to_items

pytestmark = [pytest.mark.data, pytest.mark.slow]

Score = Callable[..., list[dict[str, Any]]]

ALWAYS_EQUAL = """
    class Anything:
        def same(self, *_): return self
        def yes(self, *_): return True
        __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __bool__ = yes
        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __abs__ = __round__ = same
        __getitem__ = __call__ = __neg__ = __mod__ = __truediv__ = __rtruediv__ = same
        def __ne__(self, *_): return False
        def __hash__(self): return 0
        def __len__(self): return 0
        def __iter__(self): return iter(())
        def __float__(self): return 0.0
        def __getattr__(self, name): return self
    return Anything()
"""
EXIT_0 = """
    import os, sys
    sys.stdout.flush()
    os._exit(0)
"""


def problems(data: Path) -> list[DatasetItem]:
    items = [
        item for item in to_items(read_rows(data / "humaneval.jsonl.gz")) if isinstance(item, DatasetItem)
    ]
    assert len(items) == 164
    return items


def with_body(problem: DatasetItem, body: str) -> dict[str, Any]:
    return problem.to_json(f"```python\n{problem.prompt}{body}\n```")


@pytest.fixture(scope="module", params=[pytest.param("docker", marks=pytest.mark.docker), "local"])
def runtime(request: pytest.FixtureRequest) -> str:
    """A kind of jail that this machine can make."""

    async def reason() -> str | None:
        async with open_sandbox(request.param) as sandbox:
            capabilities = await sandbox.ready()
            return None if capabilities.ready else str(capabilities.reason)

    why_not = asyncio.run(reason())
    if why_not is not None:
        pytest.skip(why_not)
    return str(request.param)


def test_all_canonical_solutions_pass(score: Score, data: Path, runtime: str) -> None:
    lines = score(data / "humaneval.jsonl.gz", "--sandbox", runtime)
    assert [line["id"] for line in lines if line["reward"] != 1.0] == []
    assert len(lines) == 164


@pytest.mark.parametrize("body", [ALWAYS_EQUAL, EXIT_0], ids=["an always-equal object", "exit 0"])
def test_no_body_that_dodges_the_tests_passes(
    score: Score, data: Path, write: Callable[..., Path], runtime: str, body: str
) -> None:
    lines = score(write([with_body(problem, body) for problem in problems(data)]), "--sandbox", runtime)
    assert [line["id"] for line in lines if line["reward"] != 0.0] == []
    assert len(lines) == 164


@pytest.mark.docker
def test_the_queue_gives_the_same_results(
    score: Score,
    data: Path,
    write: Callable[..., Path],
    worker: Callable[..., AbstractContextManager[str]],
    judged: Callable[..., list[Any]],
) -> None:
    items = [problem.to_json(str(problem.solution)) for problem in problems(data)]
    items += [with_body(problem, body) for body in (ALWAYS_EQUAL, EXIT_0) for problem in problems(data)]
    file = write(items)
    here = score(file, "--sandbox", "docker")
    assert sum(line["reward"] for line in here) == 164
    with worker("--sandbox", "docker", "--processes", "1") as url:
        assert judged(score(file, "--url", url)) == judged(here)
