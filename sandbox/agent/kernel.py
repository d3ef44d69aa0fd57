"""The system calls that Python does not offer: namespaces, mounts, capabilities."""

import ctypes
import os
import struct
from collections.abc import Iterable

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x00020000, 0x02000000, 0x04000000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x08000000, 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 0x2, 0x4, 0x8, 0x1000, 0x4000, 0x40000
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV = 0x1, 0x2, 0x4
CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN, LAST_CAP = 5, 6, 7, 21, 63

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
_AT_FDCWD, _AT_RECURSIVE, _MNT_DETACH = -100, 0x8000, 2
_SYS_OPEN_TREE, _SYS_MOVE_MOUNT, _SYS_MOUNT_SETATTR = 428, 429, 442  # the same on every architecture
_OPEN_TREE_CLONE, _MOVE_MOUNT_F_EMPTY_PATH = 1, 4
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPABILITY_VERSION = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags` for new ones."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """mount(2)."""
    arguments = [text.encode() if text is not None else None for text in (source, target, kind)]
    _check(_libc.mount(*arguments, ctypes.c_ulong(flags), options.encode()), f"mount {target}")


def clone_tree(path: str) -> int:
    """A copy of the mounts at `path` and below, attached nowhere yet, as a descriptor (Linux 5.2)."""
    flags = _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC
    fd: int = _libc.syscall(_SYS_OPEN_TREE, _AT_FDCWD, path.encode(), flags)
    _check(fd, f"open_tree {path}")
    return fd


def attach_tree(fd: int, target: str) -> None:
    """Attach a tree of `clone_tree` to `target`, and close it."""
    result = _libc.syscall(_SYS_MOVE_MOUNT, fd, b"", _AT_FDCWD, target.encode(), _MOVE_MOUNT_F_EMPTY_PATH)
    _check(result, f"move_mount {target}")
    os.close(fd)


def set_mount_attributes(target: str, attributes: int) -> None:
    """Add attributes to a mount and all below it (Linux 5.12)."""
    request = struct.pack("QQQQ", attributes, 0, 0, 0)
    result = _libc.syscall(
        _SYS_MOUNT_SETATTR, _AT_FDCWD, target.encode(), _AT_RECURSIVE, request, ctypes.c_size_t(len(request))
    )
    _check(result, f"mount_setattr {target}")


def pivot_root(root: str) -> None:
    """Make `root` the root and let go of the old one."""
    os.chdir(root)
    _check(_libc.syscall(_SYS_PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount of the old root")
    os.chdir("/")


def die_with_parent() -> None:
    """Be killed when the parent ends."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0), "prctl")


def hide_self() -> None:
    """Give this process's /proc entries to root and forbid tracing it."""
    _check(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl")


def show_self() -> None:
    """Own this process's /proc entries, as until `hide_self`."""
    _check(_libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl")


def no_new_privileges() -> None:
    """No `execve` shall gain anything."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def keep_capabilities(kept: Iterable[int]) -> None:
    """Drop every capability but these, for good."""
    wanted = sum(1 << number for number in kept)
    for number in range(LAST_CAP + 1):
        if not wanted >> number & 1:
            _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)  # fails beyond the kernel's last capability
    header = struct.pack("Ii", _CAPABILITY_VERSION, 0)
    low, high = wanted & 0xFFFFFFFF, wanted >> 32
    data = struct.pack("6I", low, low, 0, high, high, 0)
    _check(_libc.capset(header, data), "capset")
