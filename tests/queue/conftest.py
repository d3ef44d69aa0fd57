"""A real Redis, and real workers that score with a stub."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from trainer_client import QueueVerifier
from trainer_client.embedded import EmbeddedRedis
from verifier.queue.settings import WorkerSettings

STUB_WORKER = (sys.executable, str(Path(__file__).with_name("stub_worker.py")))

StartWorker = Callable[[], "subprocess.Popen[bytes]"]


def settings(redis_url: str, name: str = "") -> WorkerSettings:
    return WorkerSettings(
        redis_url=redis_url,
        queue="score",
        name=name or uuid.uuid4().hex,
        sandbox="none",
        sandbox_api_key=None,
        scoring_processes=1,
        log_format="json",
    )


@pytest.fixture
def redis_url() -> Iterator[str]:
    with EmbeddedRedis() as server:
        yield server.url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url, protocol=2, socket_timeout=60) as client:
        yield client


@pytest.fixture
def start_worker(redis_url: str) -> Iterator[StartWorker]:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen([*STUB_WORKER, str(os.getpid())], stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(settings(redis_url).to_json())
        process.stdin.close()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def verifier(redis_url: str) -> Iterator[QueueVerifier]:
    with QueueVerifier(redis_url, timeout=90) as client:
        yield client
