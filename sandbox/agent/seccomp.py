"""The jails' system call filter, on top of Docker's where there is one.

Denied: what reaches beyond a process's own business (tracing, mounts, namespaces, keys, kernel modules, BPF,
io_uring, clocks) and what would outlive a run (System V and POSIX IPC).
"""

import ctypes
import errno
import os
import struct

DENIED: dict[str, dict[str, int]] = {
    "x86_64": {
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "pidfd_getfd": 438,
        "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "open_tree": 428, "move_mount": 429,
        "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442,
        "unshare": 272, "setns": 308, "sethostname": 170, "setdomainname": 171,
        "add_key": 248, "request_key": 249, "keyctl": 250,
        "init_module": 175, "finit_module": 313, "delete_module": 176,
        "kexec_load": 246, "kexec_file_load": 320, "reboot": 169, "syslog": 103,
        "swapon": 167, "swapoff": 168, "acct": 163, "quotactl": 179, "personality": 135,
        "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
        "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
        "name_to_handle_at": 303, "open_by_handle_at": 304,
        "settimeofday": 164, "clock_settime": 227, "adjtimex": 159, "clock_adjtime": 305,
        "shmget": 29, "semget": 64, "msgget": 68, "mq_open": 240,
        "iopl": 172, "ioperm": 173, "modify_ldt": 154,
    },
    "aarch64": {
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "pidfd_getfd": 438,
        "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "open_tree": 428, "move_mount": 429,
        "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442,
        "unshare": 97, "setns": 268, "sethostname": 161, "setdomainname": 162,
        "add_key": 217, "request_key": 218, "keyctl": 219,
        "init_module": 105, "finit_module": 273, "delete_module": 106,
        "kexec_load": 104, "kexec_file_load": 294, "reboot": 142, "syslog": 116,
        "swapon": 224, "swapoff": 225, "acct": 89, "quotactl": 60, "personality": 92,
        "bpf": 280, "perf_event_open": 241, "userfaultfd": 282,
        "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
        "name_to_handle_at": 264, "open_by_handle_at": 265,
        "settimeofday": 170, "clock_settime": 112, "adjtimex": 171, "clock_adjtime": 266,
        "shmget": 194, "semget": 190, "msgget": 186, "mq_open": 180,
    },
}  # fmt: skip
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3 = 435
NAMESPACE_FLAGS = 0x7E020000
X32 = 0x40000000

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16


def program(machine: str) -> bytes:
    """The filter as BPF. Raises OSError for a machine without a table."""
    if machine not in DENIED:
        raise OSError(errno.ENOSYS, f"no system call filter is written for {machine}")
    refuse = [(_RETURN, 0, 0, _ERRNO | errno.EPERM)]
    code: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, X32),
        *refuse,
        (_EQUAL, 0, 1, CLONE3),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),  # its flags are behind a pointer: callers fall back to clone
    ]
    for number in DENIED[machine].values():
        code += [(_EQUAL, 0, 1, number), *refuse]
    code += [
        (_EQUAL, 0, 3, CLONE[machine]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 0, 1, NAMESPACE_FLAGS),
        *refuse,
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def install() -> None:
    """Filter this process and all it starts, for good. Needs no-new-privileges."""
    filter_code = ctypes.create_string_buffer(program(os.uname().machine))
    length = (len(filter_code) - 1) // 8
    header = struct.pack("HxxxxxxP", length, ctypes.addressof(filter_code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, header, 0, 0) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")
