"""The pool's handles on its processes: the zygote, and one worker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

import orjson

from verifier.pool.frames import LENGTH, MAX_FRAME_BYTES, PID, Progress, pack

_ZYGOTE_START_S = 120.0
_FORK_S = 30.0
_WATCH_EVERY_S = 0.1
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    # gmpy2 and flint as ground types compute huge powers in one call that no limit can interrupt.
    "SYMPY_GROUND_TYPES": "python",
}


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What one task may use, and how many processes work."""

    processes: int
    cpu_s: float = 3.0
    wall_s: float = 30.0
    memory_mb: int = 1024


class Ending(Enum):
    """How a chunk ended."""

    FINISHED = auto()
    CPU_LIMIT = auto()
    STALLED = auto()
    ABANDONED = auto()
    DIED = auto()


@dataclass(frozen=True, slots=True)
class ChunkEnd:
    """How a chunk ended."""

    ending: Ending
    answered: int
    """So many of its tasks, from the first on, have had their reply."""
    culprit: int
    """Where it did not finish: the task that the worker was at."""


class Zygote:
    """The process that workers are forked from."""

    def __init__(self, memory_mb: int, plugins: Sequence[Path]) -> None:
        self._arguments = [str(memory_mb), *map(str, plugins)]
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._lock = asyncio.Lock()

    async def fork(self) -> WorkerProcess:
        """A fresh worker; starts the zygote where it is not running.

        Raises:
            OSError: no worker could be started.
        """
        async with self._lock:
            try:
                if self._process is None or self._process.poll() is not None:
                    await self._start()
                return await self._fork()
            except (OSError, TimeoutError, EOFError) as error:
                self.stop()
                raise OSError(f"no scoring process could be started: {error!r}") from error

    def stop(self) -> None:
        """End the zygote and, with it, every worker."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def _start(self) -> None:
        self.stop()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._control = ours
        with theirs:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - a spawn without a shell: milliseconds
                [
                    sys.executable,
                    "-I",
                    "-m",
                    "verifier.pool.zygote",
                    str(theirs.fileno()),
                    *self._arguments,
                ],
                env=_ENVIRONMENT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        await self._answer(_ZYGOTE_START_S)

    async def _fork(self) -> WorkerProcess:
        assert self._control is not None
        ours, theirs = socket.socketpair()
        memory = os.memfd_create("progress")
        try:
            os.ftruncate(memory, Progress.size())
            progress = Progress(memory)
            with theirs:
                socket.send_fds(self._control, [b"f"], [theirs.fileno(), memory])
            pid = await self._answer(_FORK_S)
        except BaseException:
            ours.close()
            raise
        finally:
            os.close(memory)
        reader, writer = await asyncio.open_connection(sock=ours, limit=1 << 20)
        return WorkerProcess(pid, progress, reader, writer)

    async def _answer(self, timeout_s: float) -> int:
        assert self._control is not None
        loop = asyncio.get_running_loop()
        answer = await asyncio.wait_for(loop.sock_recv(self._control, PID.size), timeout_s)
        if len(answer) != PID.size:
            raise EOFError("it ended while starting; its standard error says why")
        return int(PID.unpack(answer)[0])


class WorkerProcess:
    """One worker: takes a chunk, hands replies over as they come, is killed when it goes beyond a limit."""

    def __init__(
        self, pid: int, progress: Progress, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.tasks_done = 0
        self._pid = pid
        self._progress = progress
        self._reader = reader
        self._writer = writer

    async def run(
        self,
        tasks: Sequence[Any],
        on_reply: Callable[[int, Any], None],
        limits: PoolLimits,
        wanted: Callable[[], bool],
    ) -> ChunkEnd:
        """Score a chunk; ``on_reply(index, reply)`` is called in order. It ends early when no longer wanted.

        A worker whose chunk did not finish is dead.
        """
        self._progress.mark(0, self._cpu_ns())
        watch = _Watch(limits)
        done = 0
        reading = asyncio.ensure_future(self._exchange(tasks))
        try:
            while done < len(tasks):
                finished, _ = await asyncio.wait({reading}, timeout=_WATCH_EVERY_S)
                if not finished:
                    ending = watch.look(self._progress, self._cpu_ns()) if wanted() else Ending.ABANDONED
                    if ending is not None:
                        return ChunkEnd(ending, done, self._task_at_hand(done, len(tasks)))
                    continue
                replies = reading.result()
                if not replies or done + len(replies) > len(tasks):
                    return ChunkEnd(Ending.DIED, done, self._task_at_hand(done, len(tasks)))
                for reply in replies:
                    on_reply(done, reply)
                    done += 1
                if done < len(tasks):
                    reading = asyncio.ensure_future(self._read())
            self.tasks_done += done
            return ChunkEnd(Ending.FINISHED, done, done)
        finally:
            if done < len(tasks):
                reading.cancel()
                self.kill()

    def kill(self) -> None:
        """SIGKILL, and release what the pool holds of it."""
        if not self._writer.is_closing():
            # The connection is open, so its peer lives or is just dying: the pid is still its own.
            _kill_quietly(self._pid)
            self._writer.close()
            self._progress.close()

    async def _exchange(self, tasks: Sequence[Any]) -> list[Any]:
        """Send while reading: a chunk may be larger than the socket's buffers, and so may the replies."""
        try:
            self._writer.write(pack(tasks))
            await self._writer.drain()
        except OSError:
            return []
        return await self._read()

    async def _read(self) -> list[Any]:
        """The next replies; nothing when the worker has died or talks nonsense."""
        try:
            (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
            if length > MAX_FRAME_BYTES:
                return []
            replies = orjson.loads(await self._reader.readexactly(length))
        except (OSError, EOFError, orjson.JSONDecodeError):
            return []
        return replies if isinstance(replies, list) else []

    def _task_at_hand(self, answered: int, tasks: int) -> int:
        """By the worker's own mark, which it may have scribbled over."""
        return max(answered, min(self._progress.read()[0], tasks - 1))

    def _cpu_ns(self) -> int:
        try:
            with open(f"/proc/{self._pid}/stat", "rb") as stat:  # noqa: PTH123 - called ten times a second
                fields = stat.read().rpartition(b")")[2].split()
        except OSError:
            return 0
        return (int(fields[11]) + int(fields[12])) * (1_000_000_000 // _CLOCK_TICKS)


class _Watch:
    """Whether the task at hand has gone beyond its limits; the wall counts from when it was first seen."""

    def __init__(self, limits: PoolLimits) -> None:
        self._index = 0
        self._limits = limits
        self._since = time.monotonic()

    def look(self, progress: Progress, cpu_ns: int) -> Ending | None:
        index, cpu_at_start = progress.read()
        if index != self._index:
            self._index, self._since = index, time.monotonic()
        if cpu_ns - cpu_at_start > self._limits.cpu_s * 1e9:
            return Ending.CPU_LIMIT
        if time.monotonic() - self._since > self._limits.wall_s:
            return Ending.STALLED
        return None


def _kill_quietly(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
