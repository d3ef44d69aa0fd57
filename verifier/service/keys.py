"""The API keys of a service, and what each may use."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from verifier.errors import ErrorCode, RequestInvalid
from verifier.settings import read_api_keys

log = structlog.get_logger(__name__)


class KeyRing:
    """The keys of a file, one a line; known by their digests, compared in constant time."""

    def __init__(self, file: Path) -> None:
        """Read the file.

        Raises:
            ValueError, OSError: it holds no key, or cannot be read.
        """
        self._file = file
        self._digests = _digests(file)

    def reload(self) -> None:
        """Read the file again; where that fails, the keys stay as they were."""
        try:
            self._digests = _digests(self._file)
        except (ValueError, OSError) as error:
            log.error("keys_not_reloaded", reason=str(error))
        else:
            log.info("keys_reloaded", keys=len(self._digests))

    def client(self, authorization: str) -> str | None:
        """Who sends this header, by a name made from the key one way; None where it is unknown."""
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        given = _digest(key.strip())
        known = [hmac.compare_digest(given, digest) for digest in self._digests]
        return given.hex()[:32] if any(known) else None


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What the bearer of one key may use; None is without limit."""

    requests_per_s: int | None = None
    requests_at_once: int | None = None


@dataclass(slots=True)
class _Usage:
    at_once: int = 0
    tokens: float = 0.0
    since: float = field(default_factory=time.monotonic)


class KeyUsage:
    """What the bearer of each key uses. As many entries as keys, and no more."""

    def __init__(self, limits: KeyLimits) -> None:
        self._limits = limits
        self._usage: dict[str, _Usage] = {}

    @contextmanager
    def request(self, client: str) -> Iterator[None]:
        """Counts one request while it lasts.

        Raises:
            RequestInvalid: it is one too many.
        """
        rate, at_once = self._limits.requests_per_s, self._limits.requests_at_once
        usage = self._usage.setdefault(client, _Usage(tokens=rate or 0))
        if at_once is not None and usage.at_once >= at_once:
            raise _too_many(f"at most {at_once} requests at once")
        if rate is not None:
            self._take_token(usage, rate)
        usage.at_once += 1
        try:
            yield
        finally:
            usage.at_once -= 1

    def _take_token(self, usage: _Usage, rate: int) -> None:
        """A bucket that holds one second's worth."""
        now = time.monotonic()
        usage.tokens = min(rate, usage.tokens + (now - usage.since) * rate)
        usage.since = now
        if usage.tokens < 1:
            raise _too_many(f"at most {rate} requests a second")
        usage.tokens -= 1


def _too_many(limit: str) -> RequestInvalid:
    return RequestInvalid(ErrorCode.OVERLOADED, f"this API key has {limit}; send the request again later")


def _digests(file: Path) -> list[bytes]:
    return [_digest(key) for key in read_api_keys(file)]


def _digest(key: str) -> bytes:
    """Equal lengths, so that a comparison tells nothing of a key's length."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
