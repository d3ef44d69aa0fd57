"""Length-prefixed JSON frames between the pool and its workers, and the shared progress mark."""

from __future__ import annotations

import mmap
import socket
import struct
from typing import Any

import orjson

LENGTH = struct.Struct("!I")
PID = struct.Struct("!i")
"""The zygote's answer to a request for a worker."""
MAX_FRAME_BYTES = 96 << 20
"""A request body at its largest, with room for what JSON adds."""


def pack(value: Any) -> bytes:
    """A value as one frame."""
    body = orjson.dumps(value)
    return LENGTH.pack(len(body)) + body


def receive(connection: socket.socket) -> Any:
    """The next frame's value, blocking.

    Raises:
        EOFError: the other side is gone.
    """
    (length,) = LENGTH.unpack(_receive_exactly(connection, LENGTH.size))
    return orjson.loads(_receive_exactly(connection, length))


def _receive_exactly(connection: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        chunk = connection.recv(min(1 << 20, size - len(received)))
        if not chunk:
            raise EOFError("the pool is gone")
        received += chunk
    return bytes(received)


class Progress:
    """Which task of its chunk a worker is at, and the CPU time at which it began; shared memory.

    The pool thereby knows the one culprit when it has to kill, without a message a task.
    """

    _MARK = struct.Struct("=QQ")

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, self._MARK.size)

    def mark(self, index: int, cpu_ns: int) -> None:
        """Worker: task ``index`` of the chunk begins now."""
        self._MARK.pack_into(self._memory, 0, index, cpu_ns)

    def read(self) -> tuple[int, int]:
        """Pool: ``(index, CPU nanoseconds at its start)``."""
        index, cpu_ns = self._MARK.unpack_from(self._memory, 0)
        return index, cpu_ns

    def close(self) -> None:
        """Unmap."""
        self._memory.close()

    @classmethod
    def size(cls) -> int:
        """Bytes that the shared memory needs."""
        return cls._MARK.size
