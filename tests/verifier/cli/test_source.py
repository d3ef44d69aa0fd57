"""Batches: every row accounted for, in order, groups whole, memory bounded."""

from __future__ import annotations

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.cli import source
from verifier.cli.source import Batch, Entry, batches
from verifier.datasets import DatasetItem, MalformedRow

MATH = [{"type": "math"}]


def row(line: int, group: str | None = None, completions: int = 1) -> DatasetItem:
    return DatasetItem(
        prompt="P",
        reference={"answer": str(line)},
        rewards=MATH,
        id=str(line),
        extra={} if group is None else {"group": group},
        completions=tuple(f"{line}/{number}" for number in range(completions)),
        line=line,
    )


def sent(batch: Batch) -> list[str]:
    return [item["completion"] for item in batch.items]


@given(
    st.lists(st.tuples(st.sampled_from(["item", "malformed", "several"]), st.integers(0, 3)), max_size=300)
)
def test_every_row_is_in_one_batch_in_order(kinds: list[tuple[str, int]]) -> None:
    rows: list[DatasetItem | MalformedRow] = []
    for line, (kind, group) in enumerate(kinds, 1):
        if kind == "malformed":
            rows.append(MalformedRow(line, "broken"))
        elif kind == "several":
            rows.append(row(line, completions=3))
        else:
            rows.append(row(line, f"{group}" if group else None))
    found = list(batches(rows, None))
    lines = [entry.line for batch in found for entry in batch.entries]
    assert [line for line, _ in groupby(lines)] == [one.line for one in rows]
    for batch in found:
        entries = [entry for entry in batch.entries if isinstance(entry, Entry)]
        assert [entry.id for entry in entries] == [item["id"] for item in batch.items]
    owners: dict[str, set[int]] = {}
    for number, batch in enumerate(found):
        for item in batch.items:
            if "group" in item:
                owners.setdefault(item["group"], set()).add(number)
    assert all(len(numbers) == 1 for numbers in owners.values())


def test_a_batch_is_bounded_by_its_items() -> None:
    sizes = [len(batch.items) for batch in batches([row(line) for line in range(150)], None)]
    assert sizes == [64, 64, 22]


def test_a_batch_is_bounded_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_BATCH_BYTES", 1)
    assert [len(batch.items) for batch in batches([row(1), row(2)], None)] == [1, 1]


def test_a_group_shares_its_reference() -> None:
    (batch,) = batches([row(7, completions=3)], None)
    assert batch.references == {"reference of line 7": {"answer": "7"}}
    assert {item["reference"] for item in batch.items} == {"reference of line 7"}
    assert {item["group"] for item in batch.items} == {"line 7"}


def test_members_with_references_of_their_own_keep_them() -> None:
    (batch,) = batches([row(1, "g"), row(2, "g")], None)
    assert batch.references == {"reference of g": {"answer": "1"}}
    assert [item["reference"] for item in batch.items] == ["reference of g", {"answer": "2"}]


def test_chosen_rewards_stand_once_in_the_request() -> None:
    (batch,) = batches([row(1)], {"preset": "dapo"})
    request = batch.request({"preset": "dapo"})
    assert request["rewards"] == {"preset": "dapo"}
    assert "rewards" not in request["items"][0]


def test_refused_items_become_malformed_rows_in_their_place() -> None:
    (batch,) = batches([row(1), MalformedRow(2, "broken"), row(3), row(4)], None)
    batch.refuse({1: "no"})
    assert sent(batch) == ["1/0", "4/0"]
    assert batch.entries == [Entry(1, "1"), MalformedRow(2, "broken"), MalformedRow(3, "no"), Entry(4, "4")]
