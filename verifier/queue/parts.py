"""Scoring a job again whose worker died with it, in parts: one poisonous item cannot take the rest along.
along.

What was running when the worker died is suspect. A suspect part is halved; one that cannot be halved any more
is tried again, alone, and at last given up: it is an error, not a verdict, since no code of a completion runs
in a worker and a death there proves nothing against it. What is done is kept in Redis, so that no death
undoes it.

Invariant: before a part runs, it is written down as having died; only its results take that back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, replace
from typing import Any, cast

import orjson
from redis import Redis

from verifier.errors import ErrorCode
from verifier.schema import Item, ItemError, ItemResult, Status

KEEP_S = 7200
MAX_BLAMES = 2
"""How often a part that cannot be halved may bring its worker down: a crash, or an exception."""
MAX_DEATHS = 20
"""How often its worker may die for reasons unknown: a SIGKILL may be anybody's."""

Unit = list[int]
"""Indices of items that must be scored together: a group, or one item."""


@dataclass(frozen=True, slots=True)
class Part:
    """Units ``start`` to ``end`` of a request, and what happened while exactly these ran."""

    start: int
    end: int
    deaths: int = 0
    blames: int = 0

    @property
    def hopeless(self) -> bool:
        """Whether to try no more."""
        return self.blames >= MAX_BLAMES or self.deaths >= MAX_DEATHS

    def halves(self) -> list[Part]:
        """Two parts without a past."""
        middle = (self.start + self.end) // 2
        return [Part(self.start, middle), Part(middle, self.end)]


class Progress:
    """What is known of a job that died: results, and the parts that are still to do."""

    def __init__(self, redis: Redis, job_id: str) -> None:
        self._redis = redis
        self._key = f"verifier:progress:{job_id}"

    def load(self, units: int) -> tuple[list[Part], dict[int, Any]]:
        """The parts to do, and the results by index. Nothing known: the whole has died once."""
        fields = cast("dict[bytes, bytes]", self._redis.hgetall(self._key))
        blames = int(fields.pop(b"blames", 0))
        parts = [Part(*part) for part in orjson.loads(fields.pop(b"parts", b"[]"))] or [Part(0, units, 1)]
        parts[0] = replace(parts[0], blames=parts[0].blames + blames)
        return parts, {int(index): orjson.loads(result) for index, result in fields.items()}

    def save(self, parts: Iterable[Part], results: dict[int, Any]) -> None:
        """Writes down the parts still to do, the one to run first, and further results."""
        open_parts = orjson.dumps([astuple(part) for part in parts])
        fields: dict[Any, Any] = {str(index): orjson.dumps(result) for index, result in results.items()}
        with self._redis.pipeline() as pipe:
            pipe.hset(self._key, mapping={**fields, "parts": open_parts})
            pipe.hdel(self._key, "blames")
            pipe.expire(self._key, KEEP_S)
            pipe.execute()

    def blame(self) -> None:
        """What was running has itself brought its worker down."""
        with self._redis.pipeline() as pipe:
            pipe.hincrby(self._key, "blames", 1)
            pipe.expire(self._key, KEEP_S)
            pipe.execute()

    def forget(self) -> None:
        """The job is done."""
        self._redis.unlink(self._key)


def units_of(items: list[Item]) -> list[Unit]:
    """Groups, and items that stand alone, in the order of their first item."""
    units: list[Unit] = []
    by_group: dict[str, Unit] = {}
    for index, item in enumerate(items):
        if item.group is not None and item.group in by_group:
            by_group[item.group].append(index)
            continue
        units.append([index])
        if item.group is not None:
            by_group[item.group] = units[-1]
    return units


def score_in_parts(
    items: list[Item], progress: Progress, score: Callable[[list[int]], list[ItemResult]]
) -> list[Any]:
    """The results of all items, in order.

    Args:
        items: of the request.
        progress: of the job.
        score: the results of the items at these indices, scored together.
    """
    units = units_of(items)
    parts, results = progress.load(len(units))
    while parts:
        part = parts.pop(0)
        if part.deaths and part.end - part.start > 1:
            parts = part.halves() + parts
            continue
        indices = [index for unit in units[part.start : part.end] for index in unit]
        if part.hopeless:
            fresh = {index: _given_up(items[index], index) for index in indices}
        else:
            progress.save([replace(part, deaths=part.deaths + 1), *parts], {})
            fresh = dict(zip(indices, _score(indices, progress, score), strict=True))
        for index, result in fresh.items():
            result.index = index
        results |= fresh
        progress.save(parts, fresh)
    progress.forget()
    return [results[index] for index in range(len(items))]


def _score(
    indices: list[int], progress: Progress, score: Callable[[list[int]], list[ItemResult]]
) -> list[ItemResult]:
    try:
        return score(indices)
    except Exception:
        progress.blame()
        raise


def _given_up(item: Item, index: int) -> ItemResult:
    message = "workers failed with this item again and again, at last alone; see their logs"
    error = ItemError(ErrorCode.WORKER_LOST.value, message, retryable=False)
    return ItemResult(item.id, index, Status.ERROR, None, [], error)
