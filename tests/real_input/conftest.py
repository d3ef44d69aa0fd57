"""The real data sets, scored by the command that a user types."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from trainer_client.embedded import EmbeddedRedis

DATA = Path(__file__).parents[3] / "shared" / "data"
COMMAND = (sys.executable, "-m", "verifier.cli")

Score = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def data() -> Path:
    """Where the real data sets are."""
    return DATA


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """``write(items)``: a file of items."""

    def write_items(items: list[dict[str, Any]], name: str = "items.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(item) + "\n" for item in items))
        return path

    return write_items


@pytest.fixture(scope="session")
def score(tmp_path_factory: pytest.TempPathFactory) -> Score:
    """``score(file, …options)``: the lines that ``verifier score`` wrote, none of them without a reward.

    The same command is run once.
    """

    @cache
    def run(file: Path, *options: str) -> list[dict[str, Any]]:
        out = tmp_path_factory.mktemp("scored") / "out.jsonl"
        command = [*COMMAND, "score", str(file), "--out", str(out), *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in out.read_text().splitlines()]

    return run


@pytest.fixture
def lint(tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """``lint(file, …options)``: the findings of ``verifier lint``."""

    def run(file: Path, *options: str) -> list[dict[str, Any]]:
        out = tmp_path / "findings.jsonl"
        command = [*COMMAND, "lint", str(file), "--out", str(out), *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=280)
        found = [json.loads(line) for line in out.read_text().splitlines()]
        assert done.returncode == bool(found), done.stdout + done.stderr
        return found

    return run


@contextmanager
def running_worker(*options: str) -> Iterator[str]:
    """A private Redis and a ``verifier worker`` on it; the URL of the queue."""
    with EmbeddedRedis() as redis:
        environment = {**os.environ, "VERIFIER_REDIS_URL": redis.url}
        worker = subprocess.Popen([*COMMAND, "worker", *options], env=environment, stderr=subprocess.DEVNULL)
        try:
            yield redis.url
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(60)


@pytest.fixture(scope="session")
def queue_url() -> Iterator[str]:
    """A queue whose worker scores mathematics."""
    with running_worker("--sandbox", "none", "--processes", "1") as url:
        yield url


@pytest.fixture
def worker() -> Callable[..., AbstractContextManager[str]]:
    """``worker(…options)``: a queue with a worker of one's own."""
    return running_worker


@pytest.fixture
def judged() -> Callable[[list[dict[str, Any]]], list[Any]]:
    """What must not depend on the way that a batch took: all but times and measurements."""
    return lambda lines: [
        (line["id"], line["status"], line["reward"], [part["verdict"] for part in line["components"]])
        for line in lines
    ]
