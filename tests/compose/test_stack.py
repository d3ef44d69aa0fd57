"""The whole stack of docker-compose.yml, run for real under a project name and port of its own."""

import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
LOCAL_BASE = "rlvr-base:bookworm"  # made by .ci/run
PROGRAM = "a, b = map(int, input().split())\nprint(a + b)"

pytestmark = [pytest.mark.slow, pytest.mark.docker, pytest.mark.timeout(900)]


class Stack:
    """One compose project, apart from any other on this daemon."""

    def __init__(self) -> None:
        self.project = f"rlvr-test-{secrets.token_hex(4)}"
        self.port = free_port()
        self.key = secrets.token_hex(8)

    def compose(self, *arguments: str) -> str:
        """Run one compose command; what it prints."""
        settings = {"VERIFIER_PORT": str(self.port), "VERIFIER_API_KEY": self.key, "REDIS_PASSWORD": self.key}
        return docker(
            *("compose", "--project-name", self.project, "--project-directory", str(ROOT)),
            *("--env-file", os.devnull, *arguments),
            environment=settings | base_image(),
        )

    def client(self) -> httpx.Client:
        """A client of the published port, with the key."""
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers={"Authorization": f"Bearer {self.key}"}, timeout=60
        )

    def containers(self) -> list[str]:
        """Every container of this project, ended ones too, jails included."""
        return docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.project}").split()


def docker(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """What one docker command prints."""
    done = subprocess.run(
        ["docker", *arguments], env=os.environ | (environment or {}), capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr[-4000:]}"
    return done.stdout


def base_image() -> dict[str, str]:
    """The base to build on: as the environment says, else a local one where there is one, else the public ones."""
    if "BASE" in os.environ or not docker("images", "--quiet", LOCAL_BASE):
        return {}
    return {"BASE": LOCAL_BASE}


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
