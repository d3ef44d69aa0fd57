"""The client, and services of its own."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.client import DockerClient

from sandbox.client import SandboxClient, SandboxUnavailable, open_sandbox
from sandbox.runtimes.docker import LABEL
from sandbox.schema import JudgeRequest
from tests.conftest import docker_answers
from tests.sandbox.conftest import HONEST, Sandbox, sandbox_of

REQUEST = JudgeRequest.model_validate(
    {"code": HONEST, "tests": {"type": "stdio", "cases": [{"stdin": "1 2", "stdout": "3"}]}}
)
PARENT = """
import asyncio, os, signal, sys
from sandbox.client import open_sandbox
async def main():
    async with open_sandbox(sys.argv[1]) as sandbox:
        assert (await sandbox.ready()).ready
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


def test_none_refuses_everything() -> None:
    async def ask() -> None:
        async with open_sandbox("none") as sandbox:
            assert not (await sandbox.ready()).ready
            await sandbox.judge(REQUEST)

    with pytest.raises(SandboxUnavailable, match="no sandbox is configured"):
        asyncio.run(ask())


def test_a_service_that_does_not_answer_is_unavailable() -> None:
    async def ask() -> None:
        async with open_sandbox("http://127.0.0.1:9") as sandbox:
            assert "does not answer" in ((await sandbox.ready()).reason or "")
            await sandbox.judge(REQUEST)

    with pytest.raises(SandboxUnavailable, match="does not answer"):
        asyncio.run(ask())


def test_the_next_service_takes_over(local_sandbox: Sandbox) -> None:
    url = local_sandbox.client._endpoints[0].url

    async def ask() -> str:
        client = SandboxClient("http://127.0.0.1:9", url)
        try:
            assert (await client.ready()).ready
            return (await client.judge(REQUEST)).verdict
        finally:
            await client.aclose()

    assert asyncio.run(ask()) == "correct"


def test_a_killed_service_is_started_again() -> None:
    with sandbox_of("local") as sandbox:
        assert sandbox.is_honest()
        os.kill(service_on(socket_of(sandbox)), signal.SIGKILL)

        async def retried() -> str:
            async with asyncio.timeout(60):
                while True:
                    try:
                        return (await sandbox.client.judge(REQUEST)).verdict
                    except SandboxUnavailable:
                        await asyncio.sleep(0.1)

        assert sandbox._runner.run(retried()) == "correct"


def test_a_long_temporary_directory_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("directory" * 20)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with sandbox_of("local") as sandbox:
        assert sandbox.is_honest()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A temporary directory that sockets fit into."""
    with tempfile.TemporaryDirectory(prefix="s", dir="/tmp") as directory:
        yield Path(directory)


@pytest.mark.parametrize("runtime", [pytest.param("docker", marks=pytest.mark.docker), "local"])
def test_nothing_outlives_a_killed_parent(runtime: str, short_path: Path) -> None:
    with sandbox_of(runtime):  # where it cannot be had, skip; and the image is there
        pass
    environment = os.environ | {"TMPDIR": str(short_path)}
    parent = subprocess.run([sys.executable, "-c", PARENT, runtime], env=environment, timeout=100)
    assert parent.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while (left := leftovers(short_path)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []


def leftovers(directory: Path) -> list[str]:
    """Processes and files of a service that kept its sockets in `directory`."""
    containers = [
        container.name
        for container in containers_of_any_service()
        if any(mount["Source"].startswith(str(directory)) for mount in container.attrs["Mounts"])
    ]
    processes = [
        command
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if str(directory) in (command := _read(path).replace("\0", " "))
    ]
    return containers + processes + [str(path) for path in directory.iterdir()]


def containers_of_any_service() -> list[Any]:
    if not docker_answers():
        return []
    with contextlib.closing(DockerClient.from_env()) as client:
        containers: list[Any] = client.containers.list(
            all=True, filters={"label": LABEL}, ignore_removed=True
        )
        return containers


def socket_of(sandbox: Sandbox) -> Path:
    """Where the sandbox's own service listens."""
    return Path(sandbox.client._endpoints[0].url.removeprefix("unix://"))


def service_on(socket: Path) -> int:
    """The pid of the service that listens there; a child that it is just forking looks the same."""
    alike = {
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if str(socket) in _read(path).split("\0")
    }
    (pid,) = [pid for pid in alike if _parent_of(pid) not in alike]
    return pid


def _parent_of(pid: int) -> int:
    """The parent's pid, or ``pid`` itself where the process has just ended."""
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return int(fields[1]) if fields else pid


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def test_directories_of_sockets_are_private() -> None:
    with sandbox_of("local") as sandbox:
        directory = socket_of(sandbox).parent
        assert directory.stat().st_mode & 0o777 == 0o700
        assert directory.is_relative_to(tempfile.gettempdir())
    assert not directory.exists()
