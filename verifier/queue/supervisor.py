"""Keeps N worker processes alive, and lets them finish when told to stop.

Invariants: a worker that ends unasked is started again, at once the first time and with growing pauses while
it keeps failing; nothing outlives the supervisor, not even its death by SIGKILL
(`verifier.queue.process.die_with`); what a dead worker was running is enqueued again the moment its death is
seen.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
import time
import uuid
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import redis
import structlog

from verifier.queue.recovery import Executions, ScoreQueue
from verifier.queue.settings import ProcessSettings

COMMAND = (sys.executable, "-m", "verifier.queue.process")
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_S = 60.0
"""A worker that lived this long has not failed at starting."""

CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE})
"""Deaths of a process's own making. SIGKILL is not one of them: it is the operator's, or the kernel's."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Backoff:
    """The pause before the next start of a worker, by how its last ones went."""

    failures: int = 0

    def after(self, lived_s: float, working: bool) -> float:
        """Seconds to wait now; doubled for every early end in a row, with jitter.

        Args:
            lived_s: how long the worker lived.
            working: whether it ended with a job in hand, so that it had no trouble starting.
        """
        self.failures = 0 if working or lived_s >= HEALTHY_S else self.failures + 1
        if self.failures <= 1:
            return 0.0
        pause = FIRST_PAUSE_S * 2.0 ** (self.failures - 2)
        return min(pause, LONGEST_PAUSE_S) * random.uniform(0.5, 1.0)


class Supervisor:
    """Runs `processes` workers of one queue.

    Args:
        settings: of every worker; the name is replaced by one of its own.
        grace_s: how long workers may take for the jobs at hand when told to stop.
        command: what a worker process runs, given the supervisor's pid and its settings on standard input.
    """

    def __init__(
        self, settings: ProcessSettings, *, processes: int, grace_s: float, command: Sequence[str] = COMMAND
    ) -> None:
        self._settings = settings
        self._processes = processes
        self._grace_s = grace_s
        self._command = command
        self._queue = ScoreQueue(settings.queue, redis.Redis.from_url(settings.redis_url, protocol=2))
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Works until `stop`, SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self.stop)
        try:
            async with asyncio.TaskGroup() as tasks:
                for slot in range(self._processes):
                    tasks.create_task(self._keep(slot))
        finally:
            for signum in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(signum)
            self._queue.connection.close()

    def stop(self) -> None:
        """Lets every worker finish its job and ends."""
        self._stopping.set()

    async def _keep(self, slot: int) -> None:
        """One worker after the other."""
        backoff = Backoff()
        while not self._stopping.is_set():
            name = f"{socket.gethostname()}-{os.getpid()}-{slot}-{uuid.uuid4().hex[:8]}"
            started = time.monotonic()
            process = await self._start(name)
            stopping = asyncio.create_task(self._stopping.wait())
            ended = asyncio.create_task(process.wait())
            await asyncio.wait([stopping, ended], return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await self._drain(process, ended)
            stopping.cancel()
            working = await self._bury(name, ended.result())
            with suppress(TimeoutError):
                async with asyncio.timeout(backoff.after(time.monotonic() - started, working)):
                    await self._stopping.wait()

    async def _start(self, name: str) -> Process:
        process = await asyncio.create_subprocess_exec(
            *self._command, str(os.getpid()), stdin=PIPE, start_new_session=True
        )
        assert process.stdin is not None
        with suppress(ConnectionError):  # it died at once; its end will be seen
            process.stdin.write(replace(self._settings, name=name).to_json())
            await process.stdin.drain()
            process.stdin.close()
        log.info("worker_started", worker=name, pid=process.pid)
        return process

    async def _drain(self, process: Process, ended: asyncio.Task[int]) -> None:
        """Asks a worker to end after its job; kills it when its grace is over."""
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(ended), self._grace_s)
            return
        log.warning("worker_killed", pid=process.pid, grace_s=self._grace_s)
        with suppress(ProcessLookupError):
            process.kill()
        await ended

    async def _bury(self, name: str, code: int) -> bool:
        """Gives the job of an ended worker back to the queue; whether it had one."""
        log.log(20 if self._stopping.is_set() else 30, "worker_ended", worker=name, code=code)
        try:
            crashed = -code in CRASHES
            return await asyncio.to_thread(Executions(self._queue).abandon, name, crashed)
        except redis.RedisError as error:
            # The job comes back when its heartbeat is stale.
            log.warning("redis_unreachable", error=str(error))
            return False
