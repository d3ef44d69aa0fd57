"""What all tests share: what may be skipped, where the real data is, and a running server.

With ``REQUIRE_ALL=1``, as in CI, nothing is skipped but tests of the real data where that is absent.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import httpx
import pytest
from hypothesis import settings

# No deadline: on a busy machine any example may be slow. In CI the same examples each time, so that a change
# is not blamed for what an older one had hidden; everywhere else new ones, which is how faults are found.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("REQUIRE_ALL") else "local")

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("data") and not DATA.is_dir():
        pytest.skip(f"the real data sets are not at {DATA}")
    if item.get_closest_marker("docker") and not docker_answers():
        pytest.skip("no Docker daemon answers")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    excused = item.get_closest_marker("data") and not DATA.is_dir()
    if report.skipped and os.environ.get("REQUIRE_ALL") and not excused and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"REQUIRE_ALL is set, and this was skipped: {report.longrepr}"
    return report


@cache
def docker_answers() -> bool:
    """Whether there is a daemon. Docker's client leaves a socket that could not connect to the collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        answers = _pings()
        gc.collect()
    return answers


def _pings() -> bool:
    try:
        import docker

        client = docker.from_env(timeout=5)
        try:
            client.ping()
        finally:
            client.close()
    except Exception:  # noqa: BLE001 - whatever is wrong, there is no daemon to test against
        return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_server(
    log: Path, *options: str, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """``verifier serve`` with these options on a free port; ended by SIGTERM."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "verifier.cli", "serve", "--port", str(port), *options]
    with log.open("wb") as sink:
        server = subprocess.Popen(command, stderr=sink, env={**os.environ, **environment})
    try:
        _await_health(url, server, log)
        yield url, server
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
            raise


def _await_health(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode}: {log.read_text()}")
        try:
            httpx.get(f"{url}/health", timeout=1)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the server did not start: {log.read_text()}")


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real service on loopback, without a sandbox, that knows the tests' own misbehaving reward type."""
    log = tmp_path_factory.mktemp("server") / "log"
    plugin = ROOT / "tests" / "plugins" / "hostile.py"
    with running_server(log, "--sandbox", "none", "--scoring-processes", "2", "--plugin", str(plugin)) as (
        url,
        _,
    ):
        yield url


@pytest.fixture
def client(server_url: str) -> Iterator[httpx.Client]:
    """An HTTP client of the shared server."""
    with httpx.Client(base_url=server_url, timeout=60) as client:
        yield client


@pytest.fixture
def score(client: httpx.Client) -> Callable[..., dict[str, object]]:
    """``score(rewards, *items)``: the response to a valid batch."""

    def send(rewards: object, *items: dict[str, object], **options: object) -> dict[str, object]:
        response = client.post("/score", json={"rewards": rewards, "items": list(items), **options})
        assert response.status_code == 200, response.text
        answer: dict[str, object] = response.json()
        return answer

    return send
