"""A sandbox service of one's own: a child process on a private unix socket, restarted when it dies.

The child serves until its stdin ends. Only we hold the other end, so not even SIGKILL leaves it, or a jail,
behind.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import structlog

from sandbox.sockets import socket_root

log = structlog.get_logger()

FIRST_RETRY_S, LONGEST_RETRY_S = 0.2, 10.0
STOP_TIMEOUT_S = 40.0
NOT_INHERITED = ("SANDBOX_API_KEY_FILE", "SANDBOX_UDS", "SANDBOX_CONFIG")


@contextlib.asynccontextmanager
async def own_service(runtime: str) -> AsyncIterator[str]:
    """Run a service of that runtime; yields its `unix://` URL, at once: it may still be starting."""
    directory = Path(tempfile.mkdtemp(prefix="sandbox-", dir=socket_root()))
    socket = directory / "http"
    supervisor = asyncio.create_task(_supervise(runtime, socket))
    try:
        yield f"unix://{socket}"
    finally:
        supervisor.cancel()
        await asyncio.gather(supervisor, return_exceptions=True)
        shutil.rmtree(directory, ignore_errors=True)


async def _supervise(runtime: str, socket: Path) -> None:
    wait = FIRST_RETRY_S
    while True:
        began = asyncio.get_running_loop().time()
        process = await _start(runtime, socket)
        try:
            code = await process.wait()
        finally:
            await _stop(process)
            socket.unlink(missing_ok=True)  # noqa: ASYNC240 - on a tmpfs or a local disk
        if asyncio.get_running_loop().time() - began > LONGEST_RETRY_S:
            wait = FIRST_RETRY_S
        log.warning("sandbox service ended", code=code, restart_s=wait)
        await asyncio.sleep(wait)
        wait = min(wait * 2, LONGEST_RETRY_S)


async def _start(runtime: str, socket: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "sandbox", "serve", "--until-eof", "--runtime", runtime, "--uds", str(socket)),
        stdin=asyncio.subprocess.PIPE,
        stdout=2,
        start_new_session=True,
        env={key: value for key, value in os.environ.items() if key not in NOT_INHERITED},
    )


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ask it to end by closing its stdin; SIGKILL if it does not."""
    if process.stdin:
        process.stdin.close()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
