"""Jails as warm, hardened Docker containers. The SDK only creates, resizes and removes them."""

import asyncio
import contextlib
import secrets
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from docker.client import DockerClient
from docker.errors import DockerException, ImageNotFound
from docker.types import Ulimit

from sandbox.agent.version import agent_digest
from sandbox.channel import Channel, Hello, JailLost
from sandbox.runtimes import RuntimeName, RuntimeUnavailable
from sandbox.sockets import socket_root

DEFAULT_IMAGE = f"rlvr-jail:{agent_digest()[:12]}"  # an image goes with the version of the agent in it
LABEL = "rlvr-sandbox.service"
DEFAULT_MB = 512
AGENT_MB = 32
START_TIMEOUT_S = 60.0
STALE_S = 120.0

# Without userns-remap a jail's uids are the host's, and RLIMIT_NPROC counts a user's processes over all of
# them: every jail gets a range of its own, and every service starts somewhere else.
UIDS_PER_JAIL = 512
PLAIN_UIDS = range(100_000, 400_000_000)
REMAPPED_UIDS = range(1_000, 60_000)

HARDENING: dict[str, Any] = {
    "network_mode": "none",
    "read_only": True,
    "cap_drop": ["ALL"],
    "cap_add": ["SETUID", "SETGID", "KILL"],
    "security_opt": ["no-new-privileges"],
    "ipc_mode": "none",
    "pids_limit": 1100,
    "tmpfs": {"/box": "size=64m,nr_inodes=4096,mode=1777,nosuid,nodev,exec"},
    "sysctls": {"kernel.shmmni": "0", "kernel.msgmni": "0", "kernel.sem": "0 0 0 0"},
    "ulimits": [Ulimit(name="stack", soft=256 << 20, hard=256 << 20), Ulimit(name="core", soft=0, hard=0)],
    "environment": {"PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"},
}

Result = TypeVar("Result")


async def _in_thread(call: Callable[[], Result]) -> Result:
    """Run a call of the SDK, which blocks. Raises RuntimeUnavailable."""
    try:
        return await asyncio.to_thread(call)
    except (DockerException, OSError) as error:
        raise RuntimeUnavailable(f"Docker: {error}"[:500]) from None


class DockerJail:
    """One container and the socket to its agent."""

    def __init__(self, container: Any, channel: Channel, hello: Hello, memory_mb: int) -> None:
        self._container = container
        self.channel = channel
        self.hello = hello
        self.memory_mb = memory_mb

    async def set_memory(self, memory_mb: int) -> None:
        cap = f"{memory_mb + AGENT_MB}m"
        await _in_thread(lambda: self._container.update(mem_limit=cap, memswap_limit=cap))
        self.memory_mb = memory_mb

    async def was_out_of_memory(self) -> bool:
        def inspect() -> bool:
            self._container.reload()
            return bool(self._container.attrs["State"]["OOMKilled"])

        try:
            return await _in_thread(inspect)
        except RuntimeUnavailable:
            return False

    async def destroy(self) -> None:
        self.channel.close()
        with contextlib.suppress(RuntimeUnavailable):  # what stays is reaped by its label
            await _in_thread(lambda: self._container.remove(force=True, v=True))


class DockerRuntime:
    """Makes containers of one image, labelled with this service's id."""

    name: RuntimeName = "docker"
    total_memory_cap = True
    separate_uids = True

    def __init__(
        self,
        image: str = DEFAULT_IMAGE,
        socket_directory: Path | None = None,
        socket_volume: str | None = None,
    ) -> None:
        """`socket_directory`: where sockets are made; the daemon must see it under the same path, unless it
        is the mount point of the Docker volume `socket_volume`.
        """
        self._image = image
        self._service = uuid.uuid4().hex
        self._root = socket_directory or socket_root()
        self._volume = socket_volume
        self._sockets: Path | None = None
        self._client: Any = None
        self._uids = PLAIN_UIDS
        self._next_jail = secrets.randbelow(1 << 16)

    async def prepare(self) -> None:
        await _in_thread(self._connect)
        await self._reap(stale_only=True)
        if self._sockets is None:
            self._root.mkdir(parents=True, exist_ok=True)
            self._sockets = Path(tempfile.mkdtemp(prefix="jails-", dir=self._root))

    def _connect(self) -> None:
        if self._client is None:
            try:
                self._client = DockerClient.from_env(timeout=START_TIMEOUT_S)
            except DockerException as error:
                raise RuntimeUnavailable(
                    f"no Docker daemon answers ({error}); start it, or give this user access to its socket"
                ) from None
        try:
            self._client.images.get(self._image)
        except ImageNotFound:
            raise RuntimeUnavailable(
                f"the image {self._image} does not exist; build it with `sandbox build-image`"
            ) from None
        options = self._client.info().get("SecurityOptions") or []
        self._uids = REMAPPED_UIDS if any("userns" in option for option in options) else PLAIN_UIDS

    async def create(self) -> DockerJail:
        assert self._sockets is not None, "prepare() comes first"
        directory = self._sockets / secrets.token_hex(8)
        container: Any = None
        channel: Channel | None = None
        try:
            directory.mkdir(mode=0o700)
            with contextlib.closing(_listen(directory / "sock")) as listener:
                starting = asyncio.ensure_future(_in_thread(lambda: self._start(directory)))
                try:
                    container = await asyncio.shield(starting)
                except asyncio.CancelledError:  # the daemon makes it all the same
                    container = await starting
                    raise
                channel = Channel(await _accept(listener, container))
            hello = await channel.hello(START_TIMEOUT_S)
            if hello.agent != agent_digest():
                raise JailLost("the image holds another version's agent; run `sandbox build-image` again")
            return DockerJail(container, channel, hello, DEFAULT_MB)
        except BaseException as error:
            last_words = await asyncio.to_thread(_logs, container)
            if channel:
                channel.close()
            await _remove(container)
            if isinstance(error, JailLost | OSError):
                raise RuntimeUnavailable(f"a new jail is of no use: {error}; {last_words}") from None
            raise
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def _start(self, directory: Path) -> Any:
        first = self._uids[self._next_jail * UIDS_PER_JAIL % (len(self._uids) - UIDS_PER_JAIL)]
        self._next_jail += 1
        mounted = self._root if self._volume else directory
        environment = HARDENING["environment"] | {
            "JAIL_SOCKET": str("/ctl" / (directory / "sock").relative_to(mounted)),
            "JAIL_FIRST_UID": str(first),
            "JAIL_UIDS": str(UIDS_PER_JAIL),
        }
        return self._client.containers.run(
            self._image,
            detach=True,
            labels={LABEL: self._service},
            mem_limit=f"{DEFAULT_MB + AGENT_MB}m",
            memswap_limit=f"{DEFAULT_MB + AGENT_MB}m",
            volumes={self._volume or str(directory): {"bind": "/ctl", "mode": "ro"}},
            **(HARDENING | {"environment": environment}),
        )

    async def _reap(self, *, stale_only: bool) -> None:
        def reap() -> None:
            label = LABEL if stale_only else f"{LABEL}={self._service}"
            for container in self._client.api.containers(all=True, filters={"label": label}):
                if not stale_only or _is_stale(container):
                    with contextlib.suppress(DockerException):
                        self._client.api.remove_container(container["Id"], force=True, v=True)

        await _in_thread(reap)

    async def close(self) -> None:
        if self._client is not None:
            with contextlib.suppress(RuntimeUnavailable):
                await self._reap(stale_only=False)
            self._client.close()
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    listener.listen(1)
    listener.setblocking(False)
    return listener


async def _accept(listener: socket.socket, container: Any) -> socket.socket:
    """The agent's connection. Raises JailLost if the container ends before it connects."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_TIMEOUT_S
    while loop.time() < deadline:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                return (await loop.sock_accept(listener))[0]
        await _in_thread(container.reload)
        if container.status != "running":
            raise JailLost("its agent ended")
    raise JailLost("its agent does not connect")


async def _remove(container: Any) -> None:
    if container is not None:
        with contextlib.suppress(RuntimeUnavailable):
            await _in_thread(lambda: container.remove(force=True, v=True))


def _logs(container: Any) -> str:
    if container is None:
        return "it did not start"
    try:
        return str(container.logs(tail=5).decode(errors="replace"))[:300]
    except DockerException:
        return "it left no logs"


def _is_stale(container: dict[str, Any]) -> bool:
    """A jail whose service is gone has ended by itself: its agent lives no longer than its connection."""
    if container["State"] in ("exited", "dead"):
        return True
    return bool(container["State"] == "created" and time.time() - container["Created"] > STALE_S)
