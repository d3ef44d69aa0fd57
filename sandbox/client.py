"""The one door to the sandbox.

async with open_sandbox("auto") as sandbox:
    result = await sandbox.judge(JudgeRequest(code=…, tests=…))
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sandbox.errors import SandboxUnavailable, UnusableTests
from sandbox.schema import Capabilities, ExecuteRequest, ExecuteResult, JudgeRequest, JudgeResult

__all__ = ["SandboxClient", "SandboxUnavailable", "UnusableTests", "open_sandbox"]


class SandboxClient:
    """A connection to one or more sandbox services, each an http(s) URL or `unix:///path`.

    Raises `SandboxUnavailable` where a retry may help and `UnusableTests` where it cannot.
    """

    def __init__(self, *urls: str, api_key: str | None = None, timeout_s: float = 600.0) -> None:
        raise NotImplementedError

    async def judge(self, request: JudgeRequest) -> JudgeResult:
        """Judge a program by its tests."""
        raise NotImplementedError

    async def execute(self, request: ExecuteRequest) -> ExecuteResult:
        """Run a program once."""
        raise NotImplementedError

    async def ready(self) -> Capabilities:
        """What the sandbox can do now; never raises."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close the connections."""
        raise NotImplementedError


@asynccontextmanager
async def open_sandbox(target: str, *, api_key: str | None = None) -> AsyncIterator[SandboxClient]:
    """Open `target`: `auto`, `docker` or `local` start a service of our own, `none` refuses everything,
    anything else is a comma-separated list of URLs of running services.
    """
    yield SandboxClient(target, api_key=api_key)
