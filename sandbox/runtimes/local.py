"""Jails of kernel namespaces, without Docker: as root or as an ordinary user."""

import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

from sandbox.agent.version import agent_digest
from sandbox.channel import Channel, Hello, JailLost
from sandbox.runtimes import RuntimeName, RuntimeUnavailable
from sandbox.runtimes.cgroup import Cgroup, CgroupUnavailable, reap_stale

DEFAULT_MB = 512
AGENT_MB = 32
START_TIMEOUT_S = 20.0
UIDS_PER_JAIL = 65_536
FIRST_UID, LAST_UID = 0x10000000, 0x70000000
AGENT = Path(__file__).parents[1] / "agent"
SYSTEM_PATHS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/localtime")
BOOT = "import sys; sys.path.insert(0, {path!r}); from agent.local import main; main()"

HOW_TO_ALLOW = (
    "the kernel does not let this user make the namespaces it needs ({error}). On Ubuntu 24.04: "
    "`sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`; in a container: run it with --privileged, "
    "or use a sandbox service outside by its URL; or install Docker"
)
HOW_TO_ACCEPT = (
    "no cgroup can be made ({error}), so memory and CPU of a run cannot be capped in total: run as root, use "
    "Docker, or accept caps per process with --accept-reduced-limits (SANDBOX_ACCEPT_REDUCED_LIMITS=1)"
)


class LocalJail:
    """One agent behind walls of its own making."""

    def __init__(self, process: subprocess.Popen[bytes], channel: Channel, cgroup: Cgroup | None) -> None:
        self._process = process
        self._cgroup = cgroup
        self.channel = channel
        self.hello: Hello
        self.memory_mb = DEFAULT_MB

    async def set_memory(self, memory_mb: int) -> None:
        if self._cgroup:
            try:
                self._cgroup.set_memory(memory_mb + AGENT_MB)
            except OSError as error:
                raise RuntimeUnavailable(f"the memory cap cannot be changed: {error}") from None
        self.memory_mb = memory_mb

    async def was_out_of_memory(self) -> bool:
        return bool(self._cgroup and self._cgroup.oom_kills())

    async def destroy(self) -> None:
        self.channel.close()
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its child, pid 1 of the jail, dies with it
            self._process.wait()
        if self._cgroup:
            self._cgroup.remove()


class LocalRuntime:
    """Makes jails as children of this process."""

    name: RuntimeName = "local"

    def __init__(self, *, accept_reduced_limits: bool = False) -> None:
        self._accept_reduced = accept_reduced_limits
        self.separate_uids = os.geteuid() == 0
        self.total_memory_cap = True

    async def prepare(self) -> None:
        if sys.platform != "linux":
            raise RuntimeUnavailable("namespaces need Linux; use Docker")
        reap_stale()
        await (await self._make(None)).destroy()
        try:
            Cgroup.make(DEFAULT_MB).remove()
        except CgroupUnavailable as error:
            self.total_memory_cap = False
            if not self._accept_reduced:
                raise RuntimeUnavailable(HOW_TO_ACCEPT.format(error=error)) from None

    async def create(self) -> LocalJail:
        try:
            cgroup = Cgroup.make(DEFAULT_MB + AGENT_MB) if self.total_memory_cap else None
        except CgroupUnavailable as error:
            raise RuntimeUnavailable(f"no cgroup can be made: {error}") from None
        return await self._make(cgroup)

    async def _make(self, cgroup: Cgroup | None) -> LocalJail:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = self._start(theirs, cgroup)
        ours.send(b"go")
        jail = LocalJail(process, Channel(ours), cgroup)
        try:
            jail.hello = await jail.channel.hello(START_TIMEOUT_S)
        except JailLost as error:
            await jail.destroy()
            raise RuntimeUnavailable(HOW_TO_ALLOW.format(error=error)) from None
        except BaseException:
            await jail.destroy()
            raise
        if jail.hello.agent != agent_digest():
            await jail.destroy()
            raise RuntimeUnavailable("the agent's files have changed since the service was started")
        return jail

    def _start(self, connection: socket.socket, cgroup: Cgroup | None) -> subprocess.Popen[bytes]:
        first_uid = secrets.randbelow((LAST_UID - FIRST_UID) // UIDS_PER_JAIL) * UIDS_PER_JAIL + FIRST_UID
        plan = {
            "first_uid": first_uid if self.separate_uids else None,
            "visible": _visible(),
            "cgroups": cgroup.visible if cgroup else {},
        }
        fd = connection.fileno()
        process = subprocess.Popen(
            [
                _interpreter(),
                "-I",
                "-S",
                "-c",
                BOOT.format(path=str(AGENT.parent)),
                str(fd),
                json.dumps(plan),
            ],
            pass_fds=[fd],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd="/",
            env={"PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
            start_new_session=True,
        )
        if cgroup:
            cgroup.enter(process.pid)
        return process

    async def close(self) -> None:
        """Nothing outlives its jail here."""


def _interpreter() -> str:
    """The interpreter below any virtual environment: what it needs is all under its prefix."""
    return os.path.realpath(sys.executable)


def _visible() -> list[str]:
    paths = [path for path in (*SYSTEM_PATHS, sys.base_prefix, str(AGENT)) if Path(path).exists()]
    return [
        path for path in paths if not any(path != other and path.startswith(f"{other}/") for other in paths)
    ]
