"""From a file to batches for the verifier: bounded in memory, groups whole, every row accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from verifier.datasets import Completion, DatasetItem, MalformedRow
from verifier.datasets.item import RewardChoice
from verifier.schema import JsonObject

MAX_BATCH_ITEMS = 64
MAX_BATCH_BYTES = 8 << 20

_NO_COMPLETION = "no completion: name its field with --completion-field (the row has no solution of its own)"
_NO_REWARDS = "no rewards: give --rewards FILE or --preset NAME"


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a batch, and where it comes from."""

    line: int
    id: str | None
    is_solution: bool = False
    """The completion is the data set's own solution."""


@dataclass(slots=True)
class Batch:
    """Rows that are scored in one request."""

    entries: list[Entry | MalformedRow] = field(default_factory=list)
    """In the order of the file; each ``Entry`` has the item of its position in the request."""
    items: list[JsonObject] = field(default_factory=list)
    references: dict[str, object] = field(default_factory=dict)
    size: int = 0
    """Bytes of the items and references, about."""
    group: str | None = None
    """The group of the last item: the next may belong to it too."""

    @property
    def is_full(self) -> bool:
        """Whether the next item had better start another batch."""
        return len(self.items) >= MAX_BATCH_ITEMS or self.size >= MAX_BATCH_BYTES

    def refuse(self, reasons: Mapping[int, str]) -> None:
        """Make malformed rows of the items at these positions."""
        at = -1
        for number, entry in enumerate(self.entries):
            if isinstance(entry, Entry):
                at += 1
                if at in reasons:
                    self.entries[number] = MalformedRow(entry.line, reasons[at])
        self.items = [item for position, item in enumerate(self.items) if position not in reasons]

    def request(self, rewards: RewardChoice | None) -> JsonObject:
        """The request, all of it scored by ``rewards`` where given."""
        body: JsonObject = {"items": self.items, "references": self.references}
        return body if rewards is None else {**body, "rewards": rewards}


def batches(rows: Iterable[DatasetItem | MalformedRow], rewards: RewardChoice | None) -> Iterator[Batch]:
    """Batches of the rows. Members of a group must stand together in the file, and are never split.

    Args:
        rows: what ``to_items`` yields.
        rewards: what every item is scored by; None leaves each row its own.
    """
    batch = Batch()
    ended_groups: set[str] = set()
    for row in rows:
        for line, item, is_solution in _scored(row, rewards):
            if isinstance(item, str):
                batch.entries.append(MalformedRow(line, item))
                continue
            group = item.get("group")
            if group != batch.group and batch.group is not None:
                ended_groups.add(batch.group)
            if group in ended_groups:
                reason = f"group '{group}' had ended: its members must stand together in the file"
                batch.entries.append(MalformedRow(line, reason))
                continue
            if batch.is_full and (group is None or group != batch.group):
                yield batch
                batch = Batch()
            _add(batch, item, Entry(line, item.get("id"), is_solution))
    if batch.entries:
        yield batch


def _scored(
    row: DatasetItem | MalformedRow, rewards: RewardChoice | None
) -> Iterator[tuple[int, JsonObject | str, bool]]:
    """``(line, item, whether the completion is the row's solution)``; or why there is no item."""
    if isinstance(row, MalformedRow):
        yield row.line, row.reason, False
        return
    completions: tuple[Completion, ...] = row.completions
    if not completions and row.solution is not None:
        completions = (row.solution,)
    if not completions:
        yield row.line, _NO_COMPLETION, False
    elif row.rewards is None and rewards is None:
        yield row.line, _NO_REWARDS, False
    else:
        for completion in completions:
            item = row.to_json(completion)
            if rewards is not None:
                item.pop("rewards", None)
            if len(completions) > 1:
                item["group"] = f"line {row.line}"
            yield row.line, item, completion is row.solution


def _add(batch: Batch, item: JsonObject, entry: Entry) -> None:
    group = item.get("group")
    if group is not None and isinstance(item.get("reference"), dict):
        key = f"reference of {group}"
        if batch.references.setdefault(key, item["reference"]) == item["reference"]:
            item["reference"] = key
    batch.items.append(item)
    batch.entries.append(entry)
    batch.group = group
    batch.size += len(orjson.dumps(item))
