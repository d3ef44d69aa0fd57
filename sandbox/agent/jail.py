"""Children of the agent: confined before they see a byte of foreign code, and provably gone afterwards."""

import fcntl
import os
import resource
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from . import kernel

BOX = "/box"
OPEN_FILES = 256
CRASHED = 121


@dataclass(frozen=True)
class Limits:
    """Limits of one run, as the header carries them."""

    cpu_s: float
    """CPU seconds a test."""
    wall_s: float
    """Seconds a test."""
    tests: int
    output_bytes: int
    processes: int
    memory_bytes: int
    """The cgroup's cap, or, without one, each process's."""
    memory_each: bool = False


def arrange(fds: Sequence[int]) -> None:
    """Make `fds` the descriptors 0, 1, 2 … and close every other."""
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 64) for fd in fds]
    for target, fd in enumerate(high):
        os.dup2(fd, target, inheritable=target < 3)
    os.closerange(len(fds), 1024)


def apply(limits: Limits) -> None:
    """Per-process limits: the second line behind the cgroup's and the agent's own."""
    seconds = int(limits.cpu_s * limits.tests) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    for which, value in (
        (resource.RLIMIT_FSIZE, limits.output_bytes + 1),  # one byte over the limit shows that it was reached
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(which, (value, value))
    if limits.memory_each:
        resource.setrlimit(resource.RLIMIT_DATA, (limits.memory_bytes, limits.memory_bytes))


def become(uid: int) -> None:
    """Give up root and with it every capability; `execve` cannot win them back (no-new-privileges)."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    kernel.hide_self()


def prefer_as_oom_victim() -> None:
    """The kernel shall kill this process before the agent."""
    kernel.show_self()  # nothing foreign runs yet
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


class Jail(Protocol):
    """How a run's processes are kept apart from each other and from the next run."""

    def spawn(self, target: Callable[[], None], fds: Sequence[int], limits: Limits, directory: str) -> int:
        """Fork a confined child with `fds` as its descriptors, run `target` in it, return its pid."""
        ...

    def sweep(self) -> tuple[bool, int]:
        """Kill what is left and wipe the box: (is the jail empty now, peak memory in KiB of the killed)."""
        ...


class UidJail:
    """A jail whose runs are told apart by user: each process of a run gets a uid of its own."""

    def __init__(self, first_uid: int, uids: int) -> None:
        self._first, self._count, self._next = first_uid, uids, 0
        self._used: list[int] = []

    def spawn(self, target: Callable[[], None], fds: Sequence[int], limits: Limits, directory: str) -> int:
        uid = self._first + self._next % self._count
        self._next += 1
        self._used.append(uid)
        pid = os.fork()
        if pid:
            return pid
        try:
            os.setsid()
            arrange(fds)
            prefer_as_oom_victim()
            apply(limits)
            become(uid)
            start_target(target, directory)
        except BaseException:  # noqa: BLE001 - a child must never return into the agent's loop
            traceback.print_exc()
        os._exit(CRASHED)

    def sweep(self) -> tuple[bool, int]:
        peak_kb = kill_everything()
        uids, self._used = self._used, []
        for uid in uids:
            if not os.listdir(BOX):
                break
            _wipe_as(uid)
        return not os.listdir(BOX), peak_kb


def start_target(target: Callable[[], None], directory: str) -> None:
    """Run `target` as a plain program would be started. It never returns."""
    default_signals()
    os.chdir(directory)
    target()


def default_signals() -> None:
    """Undo what Python does to SIGINT."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def kill_everything() -> int:
    """SIGKILL every other process; ECHILD for pid 1 proves that none is left. Returns their peak KiB."""
    peak_kb = 0
    while True:
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            _, _, usage = os.wait3(0)
        except ChildProcessError:
            return peak_kb
        peak_kb = max(peak_kb, usage.ru_maxrss)


def _wipe_as(uid: int) -> None:
    """Empty the box as the user who filled it: the agent itself has no right to other users' files."""
    pid = os.fork()
    if pid == 0:
        try:
            become(uid)
            _flatten(BOX)
        except BaseException:  # noqa: BLE001 - reported by what is left in the box
            os._exit(1)
        os._exit(0)
    os.waitpid(pid, 0)


def _flatten(root: str) -> None:
    """Remove everything below `root` without recursion: directories hand their children up before they go."""
    moved = 0
    while names := os.listdir(root):
        for name in names:
            path = f"{root}/{name}"
            if os.path.islink(path) or not os.path.isdir(path):
                os.unlink(path)
                continue
            os.chmod(path, 0o700)
            for child in os.listdir(path):
                inner = f"{path}/{child}"
                if os.path.isdir(inner) and not os.path.islink(inner):
                    os.chmod(inner, 0o700)
                os.rename(inner, f"{root}/.moved-{moved}")
                moved += 1
            os.rmdir(path)
