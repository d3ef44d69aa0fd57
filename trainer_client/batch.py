"""Splitting a batch into chunks and putting their answers together again.

Invariants: the members of a group travel in one chunk; results stand in the order of the items; an item that
could not be judged is asked again at most `MAX_ASKS` times in all, with its whole group, and keeps its last
answer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from trainer_client.errors import RequestRejected
from trainer_client.wire import FieldError, ItemResult, ScoreRequest, ScoreResponse

MAX_ASKS = 3
REASK_S = 1.0
"""Pause before faulted items are asked a second time; doubled for a third."""
NOT_ASKED_AGAIN = "deadline"
"""The one retryable fault that is not asked again: the caller set that limit."""

RESULT_KEYS = {"status", "reward", "components"}
ENVELOPE_KEYS = {"graders", "request_id", "version"}
ITEM_PATH = re.compile(r"^items\.(\d+)")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a batch that is asked in one go."""

    indices: tuple[int, ...]
    """Which items of the batch, in its order."""
    body: dict[str, Any]
    """The request; items and references are already encoded (`orjson.Fragment`)."""
    blobs: dict[str, bytes]
    """What the request names by its hash only."""
    asks: int = 1
    """Which time this is that these items are asked."""

    @property
    def pause_s(self) -> float:
        """How long to wait before asking."""
        return REASK_S * 2.0 ** (self.asks - 2) if self.asks > 1 else 0.0

    def encode(self) -> bytes:
        """The request as JSON."""
        return orjson.dumps(self.body)


class Batch:
    """One request: what of it is to be asked, and the answers so far.

    Args:
        request: to be split.
        max_items: most items of a chunk.
        max_bytes: most bytes of a chunk, not counting its blobs.
        blob_bytes: a reference of more bytes is left out of the chunks, which name it by its hash.

    Raises:
        RequestRejected: the request cannot be written as JSON.
    """

    def __init__(
        self, request: ScoreRequest, *, max_items: int, max_bytes: int, blob_bytes: int | None = None
    ) -> None:
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._blob_bytes = blob_bytes
        self._blobs: dict[str, bytes] = {}
        self._blob_of: dict[int | str, str] = {}
        """The hash of the reference of an item, or of a key."""
        try:
            self._items = [self._encode_item(index, item) for index, item in enumerate(request["items"])]
            self._keys = [_reference_key(item) for item in request["items"]]
            self._groups = [item.get("group") for item in request["items"]]
            self._references = {
                key: self._encode_reference(key, value)
                for key, value in request.get("references", {}).items()
            }
            self._rest = {
                key: orjson.Fragment(orjson.dumps(value))
                for key, value in request.items()
                if key not in ("items", "references")
            }
        except (TypeError, KeyError, AttributeError) as error:
            raise RequestRejected(
                "validation_failed", f"not a request that can be written as JSON: {error}"
            ) from error
        self._results: list[ItemResult | None] = [None] * len(self._items)
        self._open = 0
        self._first: ScoreResponse | None = None
        self._graders: dict[str, int] = {}

    def chunks(self) -> list[Chunk]:
        """Everything, split; an empty batch is one empty chunk, so that its rewards are checked too."""
        chunks = list(self._split(range(len(self._items)), asks=1)) or [self._chunk([], asks=1)]
        self._open += len(chunks)
        return chunks

    def absorb(self, chunk: Chunk, answer: ScoreResponse) -> list[Chunk]:
        """Takes the answer to a chunk; returns what is to be asked again."""
        if not _well_formed(answer, len(chunk.indices)):
            self.fail(chunk, "internal", "the verifier's answer is not one to this request")
            return []
        self._first = self._first or answer
        self._graders |= answer["graders"]
        for index, result in zip(chunk.indices, answer["results"], strict=True):
            self._results[index] = {**result, "index": index}
        again = self._faulted(chunk) if chunk.asks < MAX_ASKS else []
        chunks = list(self._split(again, asks=chunk.asks + 1))
        self._open += len(chunks) - 1
        return chunks

    def fail(self, chunk: Chunk, code: str, message: str) -> None:
        """Gives up on a chunk: its items come back as retryable errors, or as they were last answered."""
        for index in chunk.indices:
            self._results[index] = self._results[index] or {
                "index": index,
                "id": orjson.loads(self._items[index]).get("id"),
                "status": "error",
                "reward": None,
                "components": [],
                "error": {"code": code, "message": message, "retryable": True},
            }
        self._open -= 1

    @property
    def done(self) -> bool:
        """Whether every item has its answer."""
        return self._open == 0

    def response(self, elapsed_ms: float) -> ScoreResponse:
        """The answers put together. `request_id` and `version` are those of the first chunk answered."""
        return {
            "results": [result for result in self._results if result is not None],
            "graders": self._graders,
            "request_id": self._first["request_id"] if self._first else "",
            "elapsed_ms": elapsed_ms,
            "version": self._first["version"] if self._first else "",
        }

    def _encode_item(self, index: int, item: Any) -> bytes:
        reference = item.get("reference")
        if self._blob_bytes is None or not isinstance(reference, dict):
            return orjson.dumps(item)
        return orjson.dumps({**item, "reference": orjson.Fragment(self._encode_reference(index, reference))})

    def _encode_reference(self, place: int | str, reference: Any) -> bytes:
        """The reference as JSON, or its hash where it is too large to travel with every chunk."""
        data = orjson.dumps(reference)
        if self._blob_bytes is None or len(data) <= self._blob_bytes:
            return data
        name = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self._blobs[name] = data
        self._blob_of[place] = name
        return orjson.dumps({"$blob": name})

    def _faulted(self, chunk: Chunk) -> list[int]:
        """The items of a chunk that are worth another try, with their whole groups."""
        faulted = {index for index in chunk.indices if _worth_another_try(self._results[index])}
        groups = {self._groups[index] for index in faulted} - {None}
        return [index for index in chunk.indices if index in faulted or self._groups[index] in groups]

    def _split(self, indices: Iterable[int], asks: int) -> Iterator[Chunk]:
        """Chunks of at most `max_items` and `max_bytes`; one unit larger than that stands alone."""
        taken: list[int] = []
        size = 0
        keys: set[str] = set()
        for unit in self._units(indices):
            fresh = {key for index in unit if (key := self._keys[index]) is not None}
            bytes_ = sum(len(self._items[index]) for index in unit)
            added = bytes_ + self._reference_bytes(fresh - keys)
            if taken and (len(taken) + len(unit) > self._max_items or size + added > self._max_bytes):
                yield self._chunk(taken, asks)
                taken, size, keys = [], 0, set()
                added = bytes_ + self._reference_bytes(fresh)
            taken += unit
            size += added
            keys |= fresh
        if taken:
            yield self._chunk(taken, asks)

    def _units(self, indices: Iterable[int]) -> list[list[int]]:
        """Groups, and items that stand alone, in the order of their first item."""
        units: list[list[int]] = []
        by_group: dict[str, list[int]] = {}
        for index in indices:
            group = self._groups[index]
            if group is not None and group in by_group:
                by_group[group].append(index)
                continue
            units.append([index])
            if group is not None:
                by_group[group] = units[-1]
        return units

    def _reference_bytes(self, keys: set[str]) -> int:
        return sum(len(self._references.get(key, b"")) for key in keys)

    def _chunk(self, indices: list[int], asks: int) -> Chunk:
        ordered = sorted(indices)
        keys = dict.fromkeys(key for index in ordered if (key := self._keys[index]) is not None)
        references = {key: orjson.Fragment(self._references[key]) for key in keys if key in self._references}
        body: dict[str, Any] = {
            **self._rest,
            "items": [orjson.Fragment(self._items[index]) for index in ordered],
        }
        if references:
            body["references"] = references
        names = {self._blob_of[place] for place in (*ordered, *references) if place in self._blob_of}
        return Chunk(tuple(ordered), body, {name: self._blobs[name] for name in names}, asks)


def rejection(chunk: Chunk, error: dict[str, Any]) -> RequestRejected:
    """The error of a refused chunk, its paths naming the items of the whole batch."""

    def renumbered(field: FieldError) -> FieldError:
        path = ITEM_PATH.sub(lambda m: f"items.{_at(chunk.indices, int(m[1]))}", field["path"])
        return {"path": path, "message": field["message"]}

    fields = [renumbered(field) for field in error.get("fields") or []]
    return RequestRejected(str(error.get("code")), str(error.get("message")), fields)


def _at(indices: tuple[int, ...], position: int) -> int:
    return indices[position] if position < len(indices) else position


def _reference_key(item: Any) -> str | None:
    reference = item.get("reference")
    return reference if isinstance(reference, str) else None


def _well_formed(answer: Any, count: int) -> bool:
    """Whether this is a response at all, and has a result for each item."""
    results = answer.get("results") if isinstance(answer, dict) else None
    return (
        isinstance(results, list)
        and len(results) == count
        and all(isinstance(result, dict) and result.keys() >= RESULT_KEYS for result in results)
        and answer.keys() >= ENVELOPE_KEYS
    )


def _worth_another_try(result: ItemResult | None) -> bool:
    error = result.get("error") if result and result["status"] == "error" else None
    return bool(error and error.get("retryable") and error["code"] != NOT_ASKED_AGAIN)
