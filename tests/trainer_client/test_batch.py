"""Splitting a batch and putting its answers together."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer_client import RequestRejected
from trainer_client.batch import MAX_ASKS, Batch, Chunk, rejection


def body(chunk: Chunk) -> dict[str, Any]:
    decoded: dict[str, Any] = orjson.loads(chunk.encode())
    return decoded


def answer(chunk: Chunk, faulted: set[str] = frozenset()) -> Any:  # type: ignore[assignment]
    """What a server says: a score that names the item, or a fault for the completions in `faulted`."""
    results = []
    for index, item in enumerate(body(chunk)["items"]):
        failed = item["completion"] in faulted
        results.append(
            {
                "index": index,
                "id": item.get("id"),
                "status": "error" if failed else "ok",
                "reward": None if failed else float(item["completion"]),
                "components": [],
                "error": {"code": "sandbox_unavailable", "message": "", "retryable": True}
                if failed
                else None,
            }
        )
    return {"results": results, "graders": {"math": 1}, "request_id": "r", "elapsed_ms": 1, "version": "1"}


def batch(*items: dict[str, Any], max_items: int = 4, max_bytes: int = 10_000, **rest: Any) -> Batch:
    return Batch({"items": list(items), **rest}, max_items=max_items, max_bytes=max_bytes)  # type: ignore[typeddict-item]


def items(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"completion": str(number), **fields} for number in range(count)]


items_with_groups = st.lists(
    st.tuples(
        st.integers(0, 400), st.none() | st.sampled_from(["a", "b", "c"]), st.none() | st.sampled_from("xy")
    ),
    max_size=40,
)


@given(items_with_groups, st.integers(1, 10), st.integers(200, 3000))
def test_every_item_travels_once_and_groups_stay_together(
    drawn: list[tuple[int, str | None, str | None]], max_items: int, max_bytes: int
) -> None:
    sent = [
        {
            "completion": "1" * length,
            **({"group": group} if group else {}),
            **({"reference": key} if key else {}),
        }
        for length, group, key in drawn
    ]
    references = {"x": {"answer": "1" * 100}, "y": {"answer": "2"}, "unused": {"answer": "3"}}
    chunks = batch(*sent, max_items=max_items, max_bytes=max_bytes, references=references).chunks()

    assert sorted(index for chunk in chunks for index in chunk.indices) == list(range(len(sent)))
    for chunk in chunks:
        held = body(chunk)
        assert held["items"] == [sent[index] for index in chunk.indices]
        assert list(chunk.indices) == sorted(chunk.indices)
        assert held.get("references", {}).keys() == {
            i["reference"] for i in held["items"] if "reference" in i
        }
        units = {item.get("group", id(item)) for item in held["items"]}
        assert len(chunk.indices) <= max_items or len(units) == 1
        assert len(chunk.encode()) <= max_bytes + 200 or len(units) == 1
    homes = {}
    for number, chunk in enumerate(chunks):
        for index in chunk.indices:
            if group := sent[index].get("group"):
                assert homes.setdefault(group, number) == number


def test_every_chunk_carries_what_holds_for_the_whole_batch() -> None:
    chunks = batch(*items(9), rewards=[{"type": "math"}], run="r1", deadline_s=3.5).chunks()
    assert len(chunks) == 3
    for chunk in chunks:
        held = body(chunk)
        del held["items"]
        assert held == {"rewards": [{"type": "math"}], "run": "r1", "deadline_s": 3.5}


def test_answers_are_put_together_in_order() -> None:
    whole = batch(*items(9, id="x"))
    chunks = whole.chunks()
    for chunk in reversed(chunks):
        assert not whole.done
        assert whole.absorb(chunk, answer(chunk)) == []
    assert whole.done
    response = whole.response(5.0)
    assert [(r["index"], r["reward"], r["id"]) for r in response["results"]] == [
        (n, n, "x") for n in range(9)
    ]
    assert response["graders"] == {"math": 1}
    assert response["elapsed_ms"] == 5.0


def test_large_references_are_named_by_their_hash() -> None:
    large = {"answer": "1" * 500}
    sent = [
        {"completion": "1", "reference": large},
        {"completion": "2", "reference": "a"},
        {"completion": "3"},
    ]
    whole = Batch(
        {"items": sent, "references": {"a": large, "b": {"answer": "2"}}},  # type: ignore[typeddict-item]
        max_items=2,
        max_bytes=10_000,
        blob_bytes=100,
    )
    first, second = whole.chunks()
    ((name, data),) = first.blobs.items()
    assert orjson.loads(data) == large and name.startswith("sha256:")
    assert body(first)["items"][0]["reference"] == {"$blob": name} == body(first)["references"]["a"]
    assert second.blobs == {}


def test_an_empty_batch_is_asked_too() -> None:
    whole = batch(rewards=[{"type": "no such reward"}])
    (chunk,) = whole.chunks()
    assert body(chunk)["items"] == []
    whole.absorb(chunk, answer(chunk))
    assert whole.done and whole.response(0)["results"] == []


def test_faulted_items_are_asked_again_alone() -> None:
    whole = batch(*items(4))
    (chunk,) = whole.chunks()
    (again,) = whole.absorb(chunk, answer(chunk, {"1", "3"}))
    assert again.indices == (1, 3) and again.asks == 2
    assert not whole.done
    assert whole.absorb(again, answer(again)) == []
    assert [result["reward"] for result in whole.response(0)["results"]] == [0, 1, 2, 3]


def test_a_faulted_member_takes_its_whole_group_along() -> None:
    whole = batch(*items(2), *items(3, group="g"), max_items=10)
    (chunk,) = whole.chunks()
    (again,) = whole.absorb(chunk, answer(chunk, {"2"}))
    assert again.indices == (2, 3, 4)


def test_asking_again_is_bounded_and_keeps_the_last_answer() -> None:
    whole = batch(*items(2))
    chunks = whole.chunks()
    asked = 0
    while chunks:
        asked += 1
        chunks = whole.absorb(chunks[0], answer(chunks[0], {"1"}))
    assert asked == MAX_ASKS and whole.done
    first, second = whole.response(0)["results"]
    assert first["status"] == "ok" and second["status"] == "error"


def test_what_missed_the_callers_own_deadline_is_not_asked_again() -> None:
    whole = batch(*items(1))
    (chunk,) = whole.chunks()
    late = answer(chunk, {"0"})
    late["results"][0]["error"]["code"] = "deadline"
    assert whole.absorb(chunk, late) == []


def test_a_lost_chunk_becomes_retryable_errors() -> None:
    whole = batch(*items(6, id="n"))
    first, second = whole.chunks()
    whole.absorb(first, answer(first))
    whole.fail(second, "job_lost", "gone")
    assert whole.done
    lost = whole.response(0)["results"][5]
    assert lost == {
        "index": 5,
        "id": "n",
        "status": "error",
        "reward": None,
        "components": [],
        "error": {"code": "job_lost", "message": "gone", "retryable": True},
    }


def test_an_answer_of_the_wrong_length_is_a_fault() -> None:
    whole = batch(*items(2))
    (chunk,) = whole.chunks()
    short = answer(chunk)
    short["results"].pop()
    assert whole.absorb(chunk, short) == []
    assert {result["status"] for result in whole.response(0)["results"]} == {"error"}


def test_the_paths_of_a_rejection_name_the_items_of_the_whole_batch() -> None:
    chunk = Chunk((4, 7), {}, {})
    fields = [
        {"path": "items.1.rewards.0.type", "message": "unknown"},
        {"path": "rewards.0", "message": "bad"},
    ]
    error = rejection(chunk, {"code": "validation_failed", "message": "no", "fields": fields})
    assert [field["path"] for field in error.fields] == ["items.7.rewards.0.type", "rewards.0"]
    assert "items.7.rewards.0.type: unknown" in str(error)


@pytest.mark.parametrize(
    "request_", [{}, {"items": 3}, {"items": ["text"]}, {"items": [{"completion": {1, 2}}]}]
)
def test_what_cannot_be_written_as_json_is_rejected(request_: Any) -> None:
    with pytest.raises(RequestRejected):
        Batch(request_, max_items=1, max_bytes=1)
