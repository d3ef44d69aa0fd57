"""File descriptors, not files: how a host hands a run to a jail's agent and reads what came of it.

Programs, tests and input travel as sealed memfds, output comes back in memfds that start empty, all by
SCM_RIGHTS over one SOCK_SEQPACKET socket. Output is read only after the agent has proved the jail empty,
so nobody is left who could still change it.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.schema import Limits

Kind = Literal["program", "execute", "call", "assert"]

F_ADD_SEALS = 1033
ALL_SEALS = 0x1 | 0x2 | 0x4 | 0x8
GRACE_S = 30.0
STDERR_TAIL = 4096


class JailLost(Exception):
    """The agent hung up, or does not answer."""


class JailWasDead(JailLost):
    """The agent was gone before the run began."""


@dataclass(frozen=True)
class Job:
    """One run of a jail."""

    kind: Kind
    program: bytes
    limits: Limits
    job: bytes = b""
    """What the agent's child of that kind reads: cases, tests or files, as JSON."""
    stdin: bytes = b""
    tests: int = 1
    """How many tests share the run; limits are each one's."""

    def header(self) -> bytes:
        """What the agent itself reads: never the program, its tests or its input."""
        limits = {
            "cpu_s": self.limits.cpu_s,
            "wall_s": self.limits.wall_s,
            "tests": self.tests,
            "output_bytes": self.limits.output_kb << 10,
            "processes": self.limits.processes,
            "memory_bytes": self.limits.memory_mb << 20,
        }
        return json.dumps({"kind": self.kind, "limits": limits}).encode()


@dataclass(frozen=True)
class Report:
    """What the agent says of a run."""

    status: int | None
    """The wait status of the program, or None where the agent ended it."""
    stopped: Literal["cpu", "wall"] | None
    starved: bool
    cpu_ms: float
    wall_ms: float
    memory_kb: int
    oom_kills: int
    clean: bool


@dataclass(frozen=True)
class Run:
    """A run that took place: the agent's report and what was written."""

    report: Report
    stdout: bytes
    stderr: bytes
    results: bytes
    output_exceeded: bool


@dataclass(frozen=True)
class Hello:
    """What an agent says of its jail when it starts."""

    agent: str
    """`sandbox.agent.version.agent_digest` of the agent that runs there."""
    python: str
    total_cpu: bool
    oom_detection: bool


@contextlib.contextmanager
def _memfds(job: Job) -> Iterator[list[int]]:
    """The six descriptors of a run, in the order of `sandbox.agent.main.Fds`."""
    fds: list[int] = []
    try:
        for content in (job.program, job.job, job.stdin, None, None, None):
            fds.append(_sealed(content) if content is not None else os.memfd_create("out", os.MFD_CLOEXEC))
        yield fds
    finally:
        for fd in fds:
            os.close(fd)


def _sealed(content: bytes) -> int:
    fd = os.memfd_create("in", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]
    fcntl.fcntl(fd, F_ADD_SEALS, ALL_SEALS)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


class Channel:
    """The host's end of one agent's control socket. One run at a time."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._closed = False

    async def hello(self, timeout_s: float) -> Hello:
        """The agent's first message. Raises JailLost."""
        hello = await self._receive(timeout_s)
        if "error" in hello:
            raise JailLost(hello["error"])
        return Hello(**hello)

    async def run(self, job: Job) -> Run:
        """Run a job to its end. Raises JailLost."""
        limit = job.limits.output_kb << 10
        with _memfds(job) as fds:
            try:
                socket.send_fds(self._socket, [job.header()], fds)
            except OSError as error:
                raise JailWasDead(str(error)) from None
            report = Report(**await self._receive(job.limits.wall_s * job.tests + GRACE_S))
            stdout, stderr, results = fds[3:]
            exceeded = any(os.fstat(fd).st_size > limit for fd in (stdout, stderr, results))
            return Run(
                report,
                os.pread(stdout, limit, 0),
                os.pread(stderr, limit, 0),
                os.pread(results, limit, 0),
                exceeded,
            )

    async def _receive(self, timeout_s: float) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        readable: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not readable.done():
                readable.set_result(None)

        loop.add_reader(self._socket.fileno(), wake)
        try:
            async with asyncio.timeout(timeout_s):
                await readable
            data = self._socket.recv(65536)
        except (OSError, TimeoutError) as error:
            raise JailLost(str(error) or "the agent does not answer") from None
        finally:
            loop.remove_reader(self._socket.fileno())
        if not data:
            raise JailLost("the agent hung up")
        reply: dict[str, Any] = json.loads(data)
        return reply

    def close(self) -> None:
        """Hang up; the agent then ends, and its jail with it."""
        if not self._closed:
            self._closed = True
            self._socket.close()
