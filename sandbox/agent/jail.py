"""Children of the agent: confined before they see a byte of foreign code, and provably gone afterwards."""

import fcntl
import os
import resource
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from . import kernel, seccomp

BOX = "/box"
BOX_OPTIONS = "size=64m,nr_inodes=4096"
NESTED_OVERHEAD = 8
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


def _prefer_as_oom_victim() -> None:
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
            _prefer_as_oom_victim()
            apply(limits)
            become(uid)
            _start(target, directory)
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


class NestedJail:
    """A jail for a service without root: one uid, but namespaces of its own for each process of a run.

    agent ── keeper ── init (pid 1 in there) ── target
    """

    def spawn(self, target: Callable[[], None], fds: Sequence[int], limits: Limits, directory: str) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            os.setsid()
            arrange(fds)
            _prefer_as_oom_victim()
            apply(replace(limits, processes=limits.processes + NESTED_OVERHEAD))
            _default_signals()
            kernel.unshare(kernel.CLONE_NEWPID | kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC)
            verdict, report = os.pipe()
            init = os.fork()
            if init == 0:
                os.close(verdict)
                self._init(target, directory, report)
            _take_after(verdict, report)
        except BaseException:  # noqa: BLE001 - a child must never return into the agent's loop
            traceback.print_exc()
        os._exit(CRASHED)

    @staticmethod
    def _init(target: Callable[[], None], directory: str, report: int) -> None:
        """Pid 1 of the namespace: unkillable from within, it only waits for the target."""
        mount_proc("/proc")
        kernel.mount("/proc/sys", "/proc/sys", None, kernel.MS_BIND | kernel.MS_REC)
        kernel.set_mount_attributes("/proc/sys", kernel.ATTR_RDONLY)
        mount_box(BOX, 0o700)
        kernel.keep_capabilities([])
        seccomp.install()
        kernel.hide_self()
        pid = os.fork()
        if pid == 0:
            os.close(report)
            _start(target, directory)
        while True:
            ended, status = os.wait()
            if ended == pid:
                os.write(report, status.to_bytes(4, "little"))
                os._exit(0)

    def sweep(self) -> tuple[bool, int]:
        return True, kill_everything()


def _start(target: Callable[[], None], directory: str) -> None:
    _default_signals()
    os.chdir(directory)
    target()


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def _take_after(verdict: int, report: int) -> None:
    """End as the target has ended."""
    os.close(report)
    data = os.read(verdict, 4)
    if len(data) < 4:
        os._exit(CRASHED)
    status = int.from_bytes(data, "little")
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL) if os.WTERMSIG(status) not in (9, 19) else None
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))


def mount_proc(target: str) -> None:
    """The processes of this pid namespace; others' only for the agent's group."""
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", target, "proc", flags, "hidepid=invisible,gid=0")


def mount_box(target: str, mode: int) -> None:
    """The one place where a run can write."""
    kernel.mount("box", target, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, f"mode={mode:o},{BOX_OPTIONS}")


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
