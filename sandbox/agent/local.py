"""The agent without Docker: it builds its own walls, then serves like any other.

As root: a user namespace of 65,536 uids, and a uid for every process of a run. As an ordinary user: one uid,
and fresh pid, mount and IPC namespaces for every process of a run.
"""

import json
import os
import signal
import socket
import stat
import sys
from dataclasses import dataclass

from . import kernel, seccomp
from .accounting import Meter
from .jail import BOX, Jail, UidJail
from .main import preload, serve, settle
from .nested import NestedJail, mount_box, mount_proc

ROOT = "/tmp"
STREAMS = ("stdin", "stdout", "stderr")
DEVICES = ("null", "zero", "full", "random", "urandom")
UIDS = 60_000
NAMESPACES = (
    kernel.CLONE_NEWUSER
    | kernel.CLONE_NEWNS
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
)
SYSCTLS = {
    "user/max_user_namespaces": "0",
    "kernel/shmmni": "0",
    "kernel/msgmni": "0",
    "kernel/sem": "0 0 0 0",
    "fs/mqueue/queues_max": "0",
}


@dataclass(frozen=True)
class Plan:
    """What the host wants built."""

    first_uid: int | None
    """The host's first uid for the jail's uids; None: only one's own."""
    visible: list[str]
    """Paths of the host to see, read-only: the interpreter, its libraries, the agent."""
    cgroups: dict[str, str]
    """Where below /sys/fs/cgroup to see which of the host's cgroups."""


def main() -> None:
    """Entry point: the control socket's descriptor and the plan as arguments. Never returns."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    plan = Plan(**json.loads(sys.argv[2]))
    connection.recv(2)  # the host has put this process into its cgroup
    try:
        sources = _enter_namespaces(plan)
        pid = os.fork()
        if pid:
            connection.close()
            os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
        kernel.die_with_parent()
        _build_root(plan, sources)
        jail = _lock_down(plan)
    except OSError as error:
        connection.send(json.dumps({"error": str(error)}).encode())
        os._exit(1)
    preload()
    settle(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    serve(connection, jail, Meter())
    os._exit(0)


def _enter_namespaces(plan: Plan) -> dict[str, int]:
    """Returns the mounts to show in the jail: by root they are taken before its rights to them are gone."""
    if plan.first_uid is None:
        uid, gid = os.getuid(), os.getgid()
        kernel.unshare(NAMESPACES)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"0 {uid} 1")
        _write("/proc/self/gid_map", f"0 {gid} 1")
        return _sources(plan)
    sources = _sources(plan)
    ready, go = os.pipe()
    helper = os.fork()
    if helper == 0:  # only a process outside may map more than one uid
        os.read(ready, 1)
        for name in ("uid_map", "gid_map"):
            _write(f"/proc/{os.getppid()}/{name}", f"0 {plan.first_uid} 65536")
        os._exit(0)
    kernel.unshare(NAMESPACES)
    os.write(go, b"1")
    if os.waitpid(helper, 0)[1]:
        raise OSError("the uids of the jail could not be mapped")
    os.close(ready)
    os.close(go)
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    return sources


def _sources(plan: Plan) -> dict[str, int]:
    """Target -> its mounts; symbolic links are made anew in the jail."""
    wanted = {path: path for path in plan.visible if not os.path.islink(path)}
    wanted |= {f"/dev/{name}": f"/dev/{name}" for name in DEVICES}
    wanted |= {f"/sys/fs/cgroup{target}": source for target, source in plan.cgroups.items()}
    return {target: kernel.clone_tree(source) for target, source in wanted.items()}


def _build_root(plan: Plan, sources: dict[str, int]) -> None:
    """A root of its own: what is to be seen, read-only; an empty box; /proc of this jail alone."""
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("jail", ROOT, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0755,size=1m")
    links = {path: os.readlink(path) for path in plan.visible if os.path.islink(path)}
    links |= {f"/dev/{name}": f"/proc/self/fd/{number}" for number, name in enumerate(STREAMS)}
    links["/dev/fd"] = "/proc/self/fd"
    for target, fd in sources.items():
        _show(fd, ROOT + target)
    for target, destination in links.items():
        os.makedirs(os.path.dirname(ROOT + target), exist_ok=True)
        os.symlink(destination, ROOT + target)
    for name in ("proc", "tmp", "box"):
        os.makedirs(f"{ROOT}/{name}", exist_ok=True)
    kernel.set_mount_attributes(ROOT, kernel.ATTR_RDONLY | kernel.ATTR_NOSUID)
    mount_proc(f"{ROOT}/proc")
    mount_box(ROOT + BOX, 0o1777)
    kernel.pivot_root(ROOT)


def _show(fd: int, target: str) -> None:
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        _write(target, "")
    kernel.attach_tree(fd, target)


def _lock_down(plan: Plan) -> Jail:
    """Sysctls, capabilities, filter: from here on nothing can be regained."""
    for name, value in SYSCTLS.items():
        if os.path.exists(f"/proc/sys/{name}"):
            _write(f"/proc/sys/{name}", value)
    kernel.mount("/proc/sys", "/proc/sys", None, kernel.MS_BIND | kernel.MS_REC)
    kernel.set_mount_attributes("/proc/sys", kernel.ATTR_RDONLY)
    kernel.no_new_privileges()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if plan.first_uid is None:
        kernel.keep_capabilities([kernel.CAP_SYS_ADMIN, kernel.CAP_KILL])
        return NestedJail()
    kernel.keep_capabilities([kernel.CAP_SETUID, kernel.CAP_SETGID, kernel.CAP_KILL])
    seccomp.install()
    return UidJail(1_000, UIDS)


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
