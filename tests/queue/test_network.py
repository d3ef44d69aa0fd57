"""Between clients, workers and Redis: a network that cuts connections, and one that stalls."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Self

import pytest
from redis import Redis
from rq import Queue

from trainer_client import QueueVerifier

StartWorker = Callable[..., "subprocess.Popen[bytes]"]


class Proxy:
    """Forwards a loopback port to a unix socket."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Closes every connection there is."""
        for pair in self._pairs:
            for end in pair:
                _close(end)
        self._pairs.clear()

    def stall(self) -> None:
        """From now on nothing gets through, and nobody is told."""
        self._flowing.clear()

    def resume(self) -> None:
        """Lets through what has waited."""
        self._flowing.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._target)
            except OSError:
                client.close()
                server.close()
                continue
            self._pairs.append((client, server))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self._flowing.wait()
                sink.sendall(data)
        _close(source)
        _close(sink)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._flowing.set()
        self.cut()


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    with Proxy(redis_url.removeprefix("unix://")) as between:
        yield between


def batch(count: int) -> Any:
    """Jobs that each take half a second; every item is told apart by its reward."""
    items = [{"completion": f"sleep 0.5{'0' * number}"} for number in range(count)]
    return {"rewards": [{"type": "stub"}], "items": items}


def expected(count: int) -> list[float]:
    return [float(len(item["completion"])) for item in batch(count)["items"]]


def rewards(response: Any) -> list[float | None]:
    return [result["reward"] for result in response["results"]]


@pytest.mark.parametrize(
    "who",
    ["both", pytest.param("client", marks=pytest.mark.slow), pytest.param("worker", marks=pytest.mark.slow)],
)
def test_connections_may_be_cut(
    start_worker: StartWorker, redis: Redis, redis_url: str, proxy: Proxy, who: str
) -> None:
    for _ in range(2):
        start_worker(redis_url if who == "client" else proxy.url)
    with QueueVerifier(redis_url if who == "worker" else proxy.url, max_items=1, timeout=60) as verifier:
        future = verifier.submit(batch(10))
        for _ in range(6):
            time.sleep(0.4)
            proxy.cut()
        assert rewards(future.result(60)) == expected(10)
    assert {count for name, count in redis.hgetall("stub:runs").items()} <= {b"1", b"2"}


@pytest.mark.slow
def test_a_stalled_network_loses_nothing(start_worker: StartWorker, redis_url: str, proxy: Proxy) -> None:
    for _ in range(2):
        start_worker(proxy.url)
    with QueueVerifier(proxy.url, max_items=1, timeout=120) as verifier:
        future = verifier.submit(batch(10))
        time.sleep(1)
        proxy.stall()
        time.sleep(15)  # longer than any heartbeat lives, and than any of them waits for an answer
        proxy.resume()
        assert rewards(future.result(120)) == expected(10)


@pytest.mark.slow
def test_a_worker_cut_off_from_redis_for_long_loses_its_job_to_another_and_gives_no_second_result(
    start_worker: StartWorker, redis: Redis, redis_url: str, proxy: Proxy
) -> None:
    start_worker(proxy.url)
    request = {"rewards": [{"type": "stub"}], "items": [{"completion": "sleep 12"}]}
    job = Queue("score", connection=redis, serializer="json").enqueue("verifier.jobs.score_batch", request)
    while not redis.hexists("stub:runs", "sleep 12"):
        time.sleep(0.05)
    proxy.stall()
    start_worker(redis_url)
    assert job.latest_result(timeout=60) is not None
    proxy.resume()
    time.sleep(3)
    assert redis.hget("stub:runs", "sleep 12") == b"2"
    assert redis.xlen(f"rq:results:{job.id}") == 1
