"""References that travel once: a job may hold ``{"$blob": "sha256:…"}`` in place of what is stored under that
hash.

Where: all of ``references``, one of its values, or an item's ``reference``. The client stores the JSON of the
reference under ``verifier:blob:sha256:…``, with an expiry; workers keep what they read lately.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, cast

import orjson
from redis import Redis

from verifier.errors import ErrorCode, RequestInvalid
from verifier.schema import MAX_BODY_BYTES

KEY_PREFIX = "verifier:blob:"
POINTER = "$blob"
CACHE_BYTES = 64 << 20

Holder = tuple[dict[str, Any], str]
"""An object of the request and the name under which it holds a reference."""


class Blobs:
    """Stored references, and those read lately."""

    def __init__(self, cache_bytes: int = CACHE_BYTES) -> None:
        self._cache_bytes = cache_bytes
        self._size = 0
        self._recent: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        """Value and encoded bytes by hash, the least recently used first."""

    def resolve(self, request: dict[str, Any], redis: Redis) -> None:
        """Puts the references in the place of their hashes, in `request` itself.

        Raises:
            RequestInvalid: a blob is gone (`unknown_reference`: store it and send the job again), is not what
            its
                hash says, or the request with all its blobs is larger than any may be.
        """
        holders = list(_holders(request))
        names = dict.fromkeys(holder[name][POINTER] for holder, name in holders)
        found = self._read(list(names), redis)
        if sum(size for _, size in found.values()) > MAX_BODY_BYTES:
            message = f"with its blobs the request has more than {MAX_BODY_BYTES} bytes"
            raise RequestInvalid(ErrorCode.TOO_LARGE, message)
        for holder, name in holders:
            holder[name] = found[holder[name][POINTER]][0]

    def _read(self, names: list[str], redis: Redis) -> dict[str, tuple[Any, int]]:
        found = {name: self._recent[name] for name in names if name in self._recent}
        if absent := [name for name in names if name not in found]:
            stored = cast("list[bytes | None]", redis.mget([KEY_PREFIX + name for name in absent]))
            for name, data in zip(absent, stored, strict=True):
                found[name] = (_parse(name, data), len(data or b""))
        for name, (value, size) in found.items():
            self._keep(name, value, size)
        return found

    def _keep(self, name: str, value: Any, size: int) -> None:
        if name not in self._recent:
            self._size += size
        self._recent[name] = (value, size)
        self._recent.move_to_end(name)
        while self._size > self._cache_bytes:
            _, (_, dropped) = self._recent.popitem(last=False)
            self._size -= dropped


def _holders(request: dict[str, Any]) -> Iterator[Holder]:
    """Where the request holds hashes."""
    if _is_pointer(request.get("references")):
        yield request, "references"
    elif isinstance(references := request.get("references"), dict):
        yield from ((references, key) for key, value in references.items() if _is_pointer(value))
    items = request.get("items")
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and _is_pointer(item.get("reference")):
            yield item, "reference"


def _is_pointer(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {POINTER} and isinstance(value[POINTER], str)


def _parse(name: str, data: bytes | None) -> Any:
    if data is None:
        message = "a stored reference has expired: store it and send the job again"
        raise RequestInvalid(ErrorCode.UNKNOWN_REFERENCE, message)
    if name != f"sha256:{hashlib.sha256(data).hexdigest()}":
        raise RequestInvalid(ErrorCode.VALIDATION_FAILED, "a stored reference is not what its hash says")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        raise RequestInvalid(ErrorCode.VALIDATION_FAILED, "a stored reference is not JSON") from None
