"""A jail for a service without root: one uid, but namespaces of its own for each process of a run.

agent ── keeper ── init (pid 1 in there) ── target
"""

import os
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace

from . import kernel, seccomp
from .jail import (
    BOX,
    CRASHED,
    Limits,
    apply,
    arrange,
    default_signals,
    kill_everything,
    prefer_as_oom_victim,
    start_target,
)

BOX_OPTIONS = "size=64m,nr_inodes=4096"
OVERHEAD = 8
"""Processes of ours that count as the run's: agent, keepers and inits."""


class NestedJail:
    """Tells the processes of a run apart by pid, mount and IPC namespaces; the box goes with them."""

    def spawn(self, target: Callable[[], None], fds: Sequence[int], limits: Limits, directory: str) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            os.setsid()
            arrange(fds)
            prefer_as_oom_victim()
            apply(replace(limits, processes=limits.processes + OVERHEAD))
            default_signals()
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
            start_target(target, directory)
        while True:
            ended, status = os.wait()
            if ended == pid:
                os.write(report, status.to_bytes(4, "little"))
                os._exit(0)

    def sweep(self) -> tuple[bool, int]:
        return True, kill_everything()


def _take_after(verdict: int, report: int) -> None:
    """End as the target has ended."""
    os.close(report)
    data = os.read(verdict, 4)
    if len(data) < 4:
        os._exit(CRASHED)
    status = int.from_bytes(data, "little")
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def mount_proc(target: str) -> None:
    """The processes of this pid namespace; others' only for the agent's group."""
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", target, "proc", flags, "hidepid=invisible,gid=0")


def mount_box(target: str, mode: int) -> None:
    """The one place where a run can write."""
    kernel.mount("box", target, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, f"mode={mode:o},{BOX_OPTIONS}")
