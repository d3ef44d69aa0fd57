"""A real Redis, and real workers that score with a stub."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis, RedisError

from trainer_client import QueueVerifier
from trainer_client.embedded import EmbeddedRedis, server_binary
from verifier.queue.settings import ProcessSettings

STUB_WORKER = (sys.executable, str(Path(__file__).with_name("stub_worker.py")))

StartWorker = Callable[..., "subprocess.Popen[bytes]"]


def settings(redis_url: str, name: str = "") -> ProcessSettings:
    return ProcessSettings(
        redis_url=redis_url,
        queue="score",
        name=name or uuid.uuid4().hex,
        sandbox="none",
        sandbox_api_key=None,
        scoring_processes=1,
        plugins=(),
        log_format="json",
    )


class RestartableRedis:
    """A redis-server that writes down what it holds, and may be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.url = f"unix://{directory / 'redis.sock'}"
        self.start()

    def start(self) -> None:
        options = {
            "port": "0",
            "unixsocket": str(self._directory / "redis.sock"),
            "dir": str(self._directory),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "logfile": str(self._directory / "redis.log"),
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen([server_binary(), *words], stdout=subprocess.DEVNULL)
        with Redis.from_url(self.url) as client:
            end = time.monotonic() + 20
            while True:
                try:
                    client.ping()
                    return
                except RedisError:
                    assert time.monotonic() < end
                    time.sleep(0.05)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def restartable() -> Iterator[RestartableRedis]:
    with tempfile.TemporaryDirectory(
        prefix="redis-"
    ) as directory:  # pytest's paths are too long for a socket
        server = RestartableRedis(Path(directory))
        yield server
        server.kill()


@pytest.fixture
def redis_url() -> Iterator[str]:
    with EmbeddedRedis() as server:
        yield server.url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url, protocol=2, socket_timeout=60) as client:
        yield client


@pytest.fixture
def start_worker(request: pytest.FixtureRequest) -> Iterator[StartWorker]:
    started: list[subprocess.Popen[bytes]] = []

    def start(url: str = "") -> subprocess.Popen[bytes]:
        process = subprocess.Popen([*STUB_WORKER, str(os.getpid())], stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(settings(url or request.getfixturevalue("redis_url")).to_json())
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
