"""A cgroup for each local jail, version 1 or 2, where this process may make one."""

import contextlib
import os
import secrets
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "rlvr-sandbox"
V1_CONTROLLERS = ("memory", "cpuacct", "pids")
MOST_PIDS = 1100
REMOVE_TRIES = 50


class CgroupUnavailable(Exception):
    """No cgroup can be made here."""


class Cgroup:
    """Caps memory, counts CPU and kills for lack of memory, over all processes of one jail."""

    def __init__(self, paths: dict[str, Path], version: int) -> None:
        self._paths = paths
        self._version = version

    @classmethod
    def make(cls, memory_mb: int) -> "Cgroup":
        """Raises CgroupUnavailable."""
        name = f"{PREFIX}-{os.getpid()}-{secrets.token_hex(4)}"
        paths: dict[str, Path] = {}
        try:
            if (ROOT / "cgroup.controllers").exists():
                paths[""] = _make_v2(name)
                group = cls(paths, 2)
            else:
                for controller in V1_CONTROLLERS:
                    path = ROOT / controller / name
                    path.mkdir()
                    paths[f"/{controller}"] = path
                group = cls(paths, 1)
            group.set_memory(memory_mb)
            group._write("pids", "pids.max", str(MOST_PIDS))
        except OSError as error:
            _remove(paths)
            raise CgroupUnavailable(str(error)) from None
        return group

    @property
    def visible(self) -> dict[str, str]:
        """Where below /sys/fs/cgroup the jail shall see which directory."""
        return {target: str(path) for target, path in self._paths.items()}

    def set_memory(self, memory_mb: int) -> None:
        """Cap memory, and swap with it. Raises OSError."""
        size = str(memory_mb << 20)
        if self._version == 2:
            self._write("", "memory.max", size)
            self._write_if_there("", "memory.swap.max", "0")
            return
        both, alone = "memory.memsw.limit_in_bytes", "memory.limit_in_bytes"
        current = int((self._paths["/memory"] / alone).read_text())
        for name in (both, alone) if int(size) > current else (alone, both):
            self._write_if_there("memory", name, size)

    def enter(self, pid: int) -> None:
        """Put a process into it. Raises OSError."""
        for path in self._paths.values():
            (path / "cgroup.procs").write_text(str(pid))

    def oom_kills(self) -> int:
        """How often the kernel killed in here for lack of memory."""
        name = "memory.events" if self._version == 2 else "memory.oom_control"
        with contextlib.suppress(OSError):
            for line in self._path("memory", name).read_text().splitlines():
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
        return 0

    def remove(self) -> None:
        """Remove it; it must be empty."""
        _remove(self._paths)

    def _path(self, controller: str, name: str) -> Path:
        return self._paths["" if self._version == 2 else f"/{controller}"] / name

    def _write(self, controller: str, name: str, value: str) -> None:
        self._path(controller, name).write_text(value)

    def _write_if_there(self, controller: str, name: str, value: str) -> None:
        if self._path(controller, name).exists():
            self._write(controller, name, value)


def _make_v2(name: str) -> Path:
    """Below the root, where controllers can be handed down whoever lives there."""
    control = ROOT / "cgroup.subtree_control"
    if not {"memory", "pids"} <= set(control.read_text().split()):
        control.write_text("+memory +pids")
    path = ROOT / name
    path.mkdir()
    return path


def _remove(paths: dict[str, Path]) -> None:
    """The kernel may need a moment after the last process has ended."""
    for path in paths.values():
        for _ in range(REMOVE_TRIES):
            try:
                path.rmdir()
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(0.02)
            else:
                break


def reap_stale() -> None:
    """Remove what services that are gone left empty."""
    parents = [ROOT, *(ROOT / controller for controller in V1_CONTROLLERS)]
    for parent in parents:
        for path in parent.glob(f"{PREFIX}-*"):
            owner = path.name.split("-")[2]
            if not Path(f"/proc/{owner}").exists():
                _remove({"": path})
