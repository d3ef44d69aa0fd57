"""Two processes calling each other over one stream socket: length-prefixed JSON, one question at a time.

While a side waits for its answer it serves the other's questions, so a function the tester passed in can be
called back. A message is a question (`op`) or an answer (`value` or `error`).
"""

import json
import socket
import struct
from collections.abc import Callable
from typing import Any

MAX_MESSAGE = 32 << 20

Message = dict[str, Any]


class PeerGone(BaseException):
    """The other process has ended, or speaks nonsense. Not an Exception: tests must not swallow it."""


class Peer:
    """One end. `handle` answers a question; it must not raise."""

    def __init__(self, fd: int, handle: Callable[[Message], Message]) -> None:
        self._socket = socket.socket(fileno=fd)
        self._handle = handle
        self.gone = False
        self.asked = False

    def ask(self, **question: Any) -> Message:
        """Send a question and wait for its answer. Raises PeerGone."""
        self.asked = True
        self.send(question)
        while True:
            message = self.receive()
            if "op" not in message:
                return message
            self.send(self._handle(message))

    def serve(self) -> None:
        """Answer questions until the other side is gone."""
        while True:
            try:
                self.send(self._handle(self.receive()))
            except PeerGone:
                return

    def send(self, message: Message) -> None:
        data = json.dumps(message).encode()
        try:
            self._socket.sendall(struct.pack("!I", len(data)) + data)
        except OSError:
            self._lose("it closed the connection")

    def receive(self) -> Message:
        (size,) = struct.unpack("!I", self._exactly(4))
        if size > MAX_MESSAGE:
            self._lose("it sent too much")
        try:
            message = json.loads(self._exactly(size))
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self._lose("it sent nonsense")
        return message  # type: ignore[no-any-return]

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            try:
                part = self._socket.recv(min(size, 1 << 20))
            except OSError:
                part = b""
            if not part:
                self._lose("it ended")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _lose(self, why: str) -> None:
        self.gone = True
        raise PeerGone(f"the candidate's process cannot be asked: {why}")
