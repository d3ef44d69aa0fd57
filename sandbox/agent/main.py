"""The agent's loop: one request in, one run, nothing left, one reply out."""

import contextlib
import gc
import importlib
import json
import os
import select
import socket
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from . import kernel, seccomp
from .accounting import Machine, Meter, longest_wait_s
from .call import run_calls
from .candidate import run_candidate
from .execute import run_with_files
from .jail import BOX, Jail, Limits, UidJail
from .program import read_all, run_program
from .tester import run_tester
from .version import agent_digest

PRELOAD = """
    abc array bisect calendar cmath collections contextlib copy dataclasses datetime decimal enum fractions
    functools hashlib heapq io itertools json math numbers operator queue random re statistics string struct
    textwrap threading time typing unicodedata
"""
OPTIONAL = ("numpy",)
TICK_MS = 50
STARVED_SHARE = 0.5


class Fds(NamedTuple):
    """The descriptors of one request, in the order in which the host sends them."""

    program: int
    job: int
    stdin: int
    stdout: int
    stderr: int
    results: int


class HostGone(Exception):
    """The host has closed the control socket."""


class Stop(NamedTuple):
    """Why the agent ended a run, if it did."""

    reason: str | None
    cpu_s: float
    """What the run had used by then."""
    starved: bool = False


def start(jail: Jail, kind: str, fds: Fds, limits: Limits) -> int:
    """Start a run; the pid that stands for it."""
    if kind == "assert":
        return _start_pair(jail, fds, limits)
    targets: dict[str, Callable[[], None]] = {
        "program": lambda: run_program(read_all(3)),
        "execute": lambda: run_with_files(read_all(3), read_all(4)),
        "call": lambda: run_calls(read_all(4), read_all(5)),
    }
    streams = [fds.stdin, fds.stdout, fds.stderr]
    keep = {
        "program": [fds.program],
        "execute": [fds.program, fds.job],
        "call": [fds.results, fds.program, fds.job],
    }
    return jail.spawn(targets[kind], streams + keep[kind], limits, BOX)


def _start_pair(jail: Jail, fds: Fds, limits: Limits) -> int:
    """Candidate and tester: two processes, two users, one socket between them."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        jail.spawn(
            lambda: run_candidate(read_all(4)),
            [fds.stdin, fds.stdout, fds.stderr, theirs.fileno(), fds.program],
            limits,
            BOX,
        )
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        try:
            return jail.spawn(
                lambda: run_tester(read_all(5)),
                [null, null, null, ours.fileno(), fds.results, fds.job],
                limits,
                "/",
            )
        finally:
            os.close(null)


def watch(
    pid: int, limits: Limits, results: int, host: socket.socket, meter: Meter, cpu_before: float
) -> Stop:
    """Wait for `pid` or for a limit. Limits are a test's: each record in `results` starts a new one.

    Raises HostGone when the host has hung up: nobody waits for this run any more.
    """
    pidfd = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.register(host, select.POLLRDHUP)
    began = test_began = time.monotonic()
    test_cpu, recorded, records = cpu_before, 0, 0
    machine: Machine | None = None
    try:
        while True:
            ready = poll.poll(TICK_MS)
            if any(fd == host.fileno() for fd, _ in ready):
                raise HostGone
            if ready:
                return Stop(None, 0.0)
            machine = machine or Machine(meter)
            now, cpu, size = time.monotonic(), meter.cpu_s(), os.fstat(results).st_size
            if size > recorded and records < limits.tests:
                recorded, records, test_began, test_cpu = size, records + 1, now, cpu
            if cpu - test_cpu > limits.cpu_s or cpu - cpu_before > limits.cpu_s * limits.tests:
                return Stop("cpu", cpu - cpu_before)
            if now - test_began > limits.wall_s or now - began > limits.wall_s * limits.tests:
                return Stop("wall", cpu - cpu_before, _was_starved(cpu - test_cpu, limits, machine))
    finally:
        os.close(pidfd)


def _was_starved(cpu_s: float, limits: Limits, machine: Machine) -> bool:
    """Did it wait for a CPU most of the time, because others had them?

    Its own processes can make each other wait no longer than they compute together: that much is no excuse.
    """
    waited_for_others = longest_wait_s() - cpu_s
    return waited_for_others > STARVED_SHARE * limits.wall_s and machine.others_share() > STARVED_SHARE


def serve_one(
    jail: Jail, meter: Meter, header: dict[str, Any], fds: Fds, host: socket.socket
) -> dict[str, Any]:
    """One run from start to an empty jail."""
    limits = Limits(**header["limits"], memory_each=not meter.counts_oom)
    oom_before, cpu_before, began = meter.oom_kills(), meter.cpu_s(), time.monotonic()
    pid = start(jail, header["kind"], fds, limits)
    stop = watch(pid, limits, fds.results, host, meter, cpu_before)
    ended = time.monotonic()
    status: int | None = None
    peak_kb = 0
    if stop.reason is None:
        _, status, usage = os.wait4(pid, 0)
        peak_kb = usage.ru_maxrss
    clean, peak_left_kb = jail.sweep()
    return {
        "status": status,
        "stopped": stop.reason,
        "starved": stop.starved,
        "cpu_ms": max(meter.cpu_s() - cpu_before, stop.cpu_s) * 1e3,
        "wall_ms": (ended - began) * 1e3,
        "memory_kb": max(peak_kb, peak_left_kb),
        "oom_kills": meter.oom_kills() - oom_before,
        "clean": clean,
    }


def preload() -> None:
    """Load what programs import most, so that a forked child has it already."""
    for name in PRELOAD.split():
        importlib.import_module(name)
    for name in OPTIONAL:
        try:
            importlib.import_module(name)
        except ImportError:
            continue


def settle(agent_directory: str) -> None:
    """Give children the environment of a plain `python3 /box/solution.py`."""
    sys.path.remove(agent_directory)
    os.environ.clear()
    os.environ.update(PATH="/usr/local/bin:/usr/bin:/bin", HOME=BOX, TMPDIR=BOX, LANG="C.UTF-8")
    os.umask(0o077)
    sys.dont_write_bytecode = True
    kernel.hide_self()
    gc.collect()
    gc.freeze()


def serve(connection: socket.socket, jail: Jail, meter: Meter) -> None:
    """Serve until the host hangs up or the jail cannot be emptied."""
    hello = {
        "agent": agent_digest(),
        "python": sys.version.split()[0],
        "total_cpu": meter.total_cpu,
        "oom_detection": meter.counts_oom,
    }
    clean = True
    with contextlib.suppress(HostGone, BrokenPipeError, ConnectionResetError):
        connection.send(json.dumps(hello).encode())
        while clean:
            data, received, _, _ = socket.recv_fds(connection, 65536, len(Fds._fields))
            if not data:
                raise HostGone
            try:
                reply = serve_one(jail, meter, json.loads(data), Fds(*received), connection)
            finally:
                for fd in received:
                    os.close(fd)
            clean = reply["clean"]
            connection.send(json.dumps(reply).encode())


def main() -> None:
    """Entry point of pid 1 in a container, whose environment names the socket and a range of uids."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(os.environ["JAIL_SOCKET"])
    first, count = int(os.environ["JAIL_FIRST_UID"]), int(os.environ["JAIL_UIDS"])
    kernel.no_new_privileges()
    seccomp.install()  # Docker's own filter differs with its age
    os.chmod(BOX, 0o1777)  # runc gives a tmpfs the mode of the image's directory
    preload()
    settle(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    serve(connection, UidJail(first, count), Meter())
