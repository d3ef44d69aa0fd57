"""Runs a command no longer than its parent process lives, then removes a directory.

``python guard.py PARENT_PID DIRECTORY COMMAND…`` ends the command, and itself, when its standard input closes
or its parent dies by whatever signal; the command dies with the guard. A separate process because the
kernel's own parent-death signal follows the *thread* that started a child, and because somebody must tidy up
after a SIGKILL. Standard library only: it is run by path, without site packages, and starts in a few
milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from types import FrameType

PR_SET_PDEATHSIG = 1
CHECK_S = 0.5
STOP_S = 5.0


def die_with_guard() -> None:
    """In the child, before exec: the kernel kills it when the (single-threaded) guard ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait(parent: int, child: subprocess.Popen[bytes]) -> None:
    """Returns when the child ended, the parent died or closed our standard input."""
    while child.poll() is None and os.getppid() == parent:
        readable, _, _ = select.select([sys.stdin], [], [], CHECK_S)
        if readable:
            return


def stop(child: subprocess.Popen[bytes]) -> None:
    """Ends the child, by force if it does not end by itself."""
    child.terminate()
    try:
        child.wait(STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def main() -> int:
    """The command's exit code, or 0 if it was ended because the parent went."""

    def leave(signum: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    parent, directory, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=die_with_guard)
        try:
            wait(parent, child)
            return child.poll() or 0
        finally:
            stop(child)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
