"""What can go wrong, as callers of the sandbox see it.

SandboxError
├── SandboxUnavailable   a fault of ours: the same request may succeed when sent again
└── UnusableTests        the request can never be judged: sending it again is pointless
"""

from typing import Literal

UnavailableCode = Literal[
    "sandbox_unavailable",  # no runtime, no free jail in time, or the service does not answer
    "overloaded",  # the queue is full
    "draining",  # the service is shutting down
    "starved",  # the machine gave the program too little CPU, twice
    "unauthorized",  # the service wants another key
    "internal",  # a defect of the sandbox
]


class SandboxError(Exception):
    """Base of both."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class SandboxUnavailable(SandboxError):
    """The program was not judged; retry. `code` is one of `UnavailableCode`."""

    def __init__(self, code: UnavailableCode, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_after_s = retry_after_s


class UnusableTests(SandboxError):
    """The tests, language or limits of this request cannot be used, whatever the program does."""

    def __init__(self, message: str) -> None:
        super().__init__("unusable_tests", message)
