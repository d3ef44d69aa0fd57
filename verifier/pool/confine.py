"""What a worker process is forbidden, as far as this kernel can forbid it."""

from __future__ import annotations

import ctypes
import os
import resource
import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_SYS_LANDLOCK_CREATE_RULESET = 444
_SYS_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_CREATE_RULESET_VERSION = 1
# Every file access that Landlock's first version knows, but for reading files and listing folders.
_LANDLOCK_WRITE_AND_EXECUTE = 0x1FFF & ~((1 << 2) | (1 << 3))
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """SIGKILL this process when the one that started it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def confine() -> dict[str, bool]:
    """Take network, writing, executing and privileges away from this process and its children.

    Returns:
        what the kernel granted, by name: ``network`` and ``files`` are True where they are cut off.
    """
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    return {"network": _leave_network(), "files": _deny_writes()}


def limit_memory(megabytes: int) -> None:
    """Cap this process's address space; beyond it Python raises MemoryError."""
    size = megabytes << 20
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _leave_network() -> bool:
    flags = _CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWUSER | _CLONE_NEWNET
    return bool(_libc.unshare(flags) == 0)


def _deny_writes() -> bool:
    """A Landlock rule set without rules: whatever it handles is denied everywhere.

    It also keeps the process from reading the memory and environment of any process outside.
    """
    version = _libc.syscall(_SYS_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1:
        return False
    handled = ctypes.c_uint64(_LANDLOCK_WRITE_AND_EXECUTE)
    ruleset = _libc.syscall(_SYS_LANDLOCK_CREATE_RULESET, ctypes.byref(handled), ctypes.sizeof(handled), 0)
    if ruleset < 0:
        return False
    denied = _libc.syscall(_SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return bool(denied)
