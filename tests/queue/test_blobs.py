"""References that travel once."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from redis import Redis
from rq import Queue

from trainer_client import QueueVerifier
from verifier.errors import ErrorCode, RequestInvalid
from verifier.queue.blobs import Blobs

StartWorker = Callable[..., "subprocess.Popen[bytes]"]


def store(redis: Redis, value: object) -> dict[str, str]:
    """Stores a blob and points to it."""
    data = orjson.dumps(value)
    name = f"sha256:{hashlib.sha256(data).hexdigest()}"
    redis.set(f"verifier:blob:{name}", data)
    return {"$blob": name}


def large(number: int = 0) -> dict[str, str]:
    return {"answer": f"{number}" * 1_000_000}


def test_hashes_give_way_to_references_wherever_they_may_stand(redis: Redis) -> None:
    pointer = store(redis, {"answer": "1"})
    request = {
        "references": {"a": pointer, "b": {"answer": "2"}},
        "items": [{"reference": pointer}, {"reference": "a"}, {"reference": {"answer": "3"}}, {}],
    }
    Blobs().resolve(request, redis)
    assert request == {
        "references": {"a": {"answer": "1"}, "b": {"answer": "2"}},
        "items": [{"reference": {"answer": "1"}}, {"reference": "a"}, {"reference": {"answer": "3"}}, {}],
    }


def test_all_references_may_be_one_blob(redis: Redis) -> None:
    request: dict[str, Any] = {"references": store(redis, {"a": {"answer": "1"}})}
    Blobs().resolve(request, redis)
    assert request["references"] == {"a": {"answer": "1"}}


def test_what_was_read_lately_is_not_read_again(redis: Redis) -> None:
    blobs, pointer = Blobs(), store(redis, {"answer": "1"})
    blobs.resolve({"references": {"a": pointer}}, redis)
    redis.flushall()
    request = {"references": {"a": pointer}}
    blobs.resolve(request, redis)
    assert request == {"references": {"a": {"answer": "1"}}}


def test_the_cache_is_bounded_and_drops_what_was_used_longest_ago(redis: Redis) -> None:
    blobs = Blobs(cache_bytes=2_500_000)
    pointers = [store(redis, large(number)) for number in (1, 2)]
    for pointer in [*pointers, pointers[0], store(redis, large(3))]:
        blobs.resolve({"references": {"a": pointer}}, redis)
    redis.flushall()
    blobs.resolve({"references": {"a": pointers[0]}}, redis)
    with pytest.raises(RequestInvalid):
        blobs.resolve({"references": {"a": pointers[1]}}, redis)


def test_a_blob_that_is_gone_says_so(redis: Redis) -> None:
    with pytest.raises(RequestInvalid) as refused:
        Blobs().resolve({"references": {"$blob": "sha256:00"}}, redis)
    assert refused.value.code == ErrorCode.UNKNOWN_REFERENCE


@pytest.mark.parametrize("data", [b'{"answer": "2"}', b"{", b"\xff"])
def test_a_blob_that_is_not_what_its_hash_says_is_refused(redis: Redis, data: bytes) -> None:
    pointer = store(redis, {"answer": "1"})
    redis.set(f"verifier:blob:{pointer['$blob']}", data)
    with pytest.raises(RequestInvalid) as refused:
        Blobs().resolve({"references": pointer}, redis)
    assert refused.value.code == ErrorCode.VALIDATION_FAILED


def test_a_request_with_its_blobs_is_bounded(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verifier.queue.blobs.MAX_BODY_BYTES", 1000)
    with pytest.raises(RequestInvalid) as refused:
        Blobs().resolve({"references": store(redis, large())}, redis)
    assert refused.value.code == ErrorCode.TOO_LARGE


@pytest.mark.parametrize(
    "request_", [{}, {"references": 3, "items": 4}, {"items": [5, {"reference": {"$blob": 6}}]}]
)
def test_what_is_no_request_is_left_to_those_who_judge_requests(
    redis: Redis, request_: dict[str, Any]
) -> None:
    before = orjson.dumps(request_)
    Blobs().resolve(request_, redis)
    assert orjson.dumps(request_) == before


def batch(count: int) -> Any:
    """Half the items share one large reference, the others hold it inline."""
    items = [
        {"completion": f"has {len(large()['answer'])}", "reference": r}
        for r in ("a", large())
        for _ in range(count)
    ]
    return {"rewards": [{"type": "stub"}], "references": {"a": large()}, "items": items}


def test_the_client_stores_a_large_reference_once(
    start_worker: StartWorker, redis: Redis, redis_url: str
) -> None:
    start_worker()
    with QueueVerifier(redis_url, max_items=4) as verifier:
        before = int(redis.info("stats")["total_net_input_bytes"])
        for _ in range(3):
            response = verifier.score(batch(20))
            assert [result["reward"] for result in response["results"]] == [1_000_000.0] * 40
        sent = int(redis.info("stats")["total_net_input_bytes"]) - before
    (key,) = redis.keys("verifier:blob:*")
    assert 0 < redis.ttl(key) <= 7200
    assert sent < 2_000_000


def test_a_blob_that_expired_early_is_stored_again(
    start_worker: StartWorker, redis: Redis, redis_url: str
) -> None:
    with QueueVerifier(redis_url, max_items=100) as verifier:
        future = verifier.submit(batch(2))
        while not redis.llen("rq:queue:score"):
            pass
        redis.delete(*redis.keys("verifier:blob:*"))
        start_worker()
        assert [result["reward"] for result in future.result(30)["results"]] == [1_000_000.0] * 4


def test_a_blob_that_stays_away_does_not_keep_plain_rq_waiting(
    start_worker: StartWorker, redis: Redis
) -> None:
    start_worker()
    request = {"rewards": [{"type": "stub"}], "references": {"$blob": "sha256:00"}, "items": []}
    job = Queue("score", connection=redis, serializer="json").enqueue("verifier.jobs.score_batch", request)
    result = job.latest_result(timeout=20)
    assert result is not None
    assert result.return_value["error"]["code"] == "unknown_reference"
