"""How a sandbox service is set up."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from sandbox.runtimes import Runtime
from sandbox.runtimes.auto import AutoRuntime
from sandbox.runtimes.docker import DEFAULT_IMAGE, DockerRuntime
from sandbox.runtimes.local import LocalRuntime
from sandbox.schema import Limits

RuntimeChoice = Literal["auto", "docker", "local"]


CEILINGS = Limits(cpu_s=120, wall_s=600, memory_mb=4096, output_kb=16384, processes=256)


@dataclass(frozen=True)
class Settings:
    """Options of `sandbox serve`."""

    runtime: RuntimeChoice = "auto"
    image: str = DEFAULT_IMAGE
    socket_directory: Path | None = None
    socket_volume: str | None = None
    slots: int = os.cpu_count() or 1
    max_waiting: int = 4096
    """Requests beyond this many at once are refused with 429."""
    max_body_mb: int = 64
    ceilings: Limits = field(default_factory=lambda: CEILINGS)
    accept_reduced_limits: bool = False
    api_keys: Sequence[str] = ()

    def make_runtime(self) -> Runtime:
        """The runtime that was asked for."""
        docker = DockerRuntime(self.image, self.socket_directory, self.socket_volume)
        if self.runtime == "docker":
            return docker
        local = LocalRuntime(accept_reduced_limits=self.accept_reduced_limits)
        return local if self.runtime == "local" else AutoRuntime([docker, local])


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def read_api_keys(path: Path) -> list[str]:
    """The keys in a file, one a line; `#` starts a comment. Raises ValueError if there is none."""
    keys = [line.strip() for line in path.read_text().splitlines()]
    keys = [key for key in keys if key and not key.startswith("#")]
    if not keys:
        raise ValueError(f"{path} holds no API key")
    return keys
