"""`QueueVerifier` on a real Redis, with real workers."""

from __future__ import annotations

import asyncio
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import CancelledError, wait
from typing import Any

import pytest
from redis import Redis

from trainer_client import QueueVerifier, VerifierClosed

StartWorker = Callable[..., "subprocess.Popen[bytes]"]


def request(*completions: str, **fields: Any) -> Any:
    items = [{"completion": text, **fields} for text in completions]
    return {"rewards": [{"type": "stub"}], "items": items}


def numbered(count: int) -> Any:
    """Items whose rewards are 1, 2, …"""
    return request(*("x" * number for number in range(1, count + 1)))


def rewards(response: Any) -> list[float | None]:
    return [result["reward"] for result in response["results"]]


def codes(response: Any) -> set[str]:
    return {result["error"]["code"] for result in response["results"]}


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_a_large_batch_is_split_and_joined_in_order(start_worker: StartWorker, redis_url: str) -> None:
    start_worker()
    start_worker()
    with QueueVerifier(redis_url, max_items=8, in_flight=3) as verifier:
        assert rewards(verifier.score(numbered(100))) == list(range(1, 101))


def test_a_group_is_never_split(start_worker: StartWorker, redis: Redis, redis_url: str) -> None:
    with QueueVerifier(redis_url, max_items=2) as verifier:
        future = verifier.submit(request(*"abcde", group="g"))
        until(lambda: redis.llen("rq:queue:score"))
        assert redis.llen("rq:queue:score") == 1
        start_worker()
        assert rewards(future.result(20)) == [1] * 5


def test_many_batches_at_once_each_get_their_own(start_worker: StartWorker, verifier: QueueVerifier) -> None:
    start_worker()

    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(verifier.score_async(request("x" * n)) for n in range(1, 41)))

    assert [rewards(response) for response in asyncio.run(all_at_once())] == [[n] for n in range(1, 41)]


def test_a_small_batch_does_not_wait_behind_a_huge_one(start_worker: StartWorker, redis_url: str) -> None:
    start_worker()
    with QueueVerifier(redis_url, max_items=1, in_flight=2) as verifier:
        huge = verifier.submit(request(*["sleep 0.05"] * 100))
        small = verifier.submit(request("a", "b"))
        small.result(30)
        assert not huge.done()
        huge.cancel()


def test_a_small_client_does_not_wait_behind_a_huge_one(start_worker: StartWorker, redis_url: str) -> None:
    start_worker()
    with QueueVerifier(redis_url, max_items=1) as one, QueueVerifier(redis_url, max_items=1) as other:
        huge = one.submit(request(*["sleep 0.05"] * 200))
        other.submit(request("a", "b")).result(30)
        assert not huge.done()


def test_the_window_follows_the_number_of_workers(redis: Redis, verifier: QueueVerifier) -> None:
    redis.sadd("rq:workers:score", *(f"worker {number}" for number in range(20)))
    verifier.submit(request(*"a" * 64 * 100))
    until(lambda: redis.llen("rq:queue:score") == 80)


def test_leaves_nothing_in_redis(start_worker: StartWorker, redis: Redis, redis_url: str) -> None:
    worker = start_worker()
    with QueueVerifier(redis_url, max_items=4) as verifier:
        verifier.score(numbered(20))
    worker.terminate()
    worker.wait(20)
    kept = {key.decode().rpartition(":")[0] for key in redis.scan_iter()}  # type: ignore[union-attr]
    assert kept <= {"rq:worker", "rq", "stub", "rq:execution", "rq:executions"}
    assert all(redis.ttl(key) > 0 for key in redis.keys("rq:*ex*"))  # type: ignore[operator, union-attr]


def test_redis_may_restart(restartable: Any, start_worker: StartWorker) -> None:
    start_worker(restartable.url)
    with QueueVerifier(restartable.url, max_items=2, timeout=90) as verifier:
        future = verifier.submit(request(*["sleep 0.1"] * 60))
        for _ in range(2):
            time.sleep(1)
            restartable.kill()
            restartable.start()
            start_worker(restartable.url)  # what its supervisor does when the outage ended one
        assert rewards(future.result(90)) == [len("sleep 0.1")] * 60


def test_jobs_that_redis_forgot_are_enqueued_anew(
    start_worker: StartWorker, redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer_client.queue.CHECK_S", 0.5)
    with QueueVerifier(redis_url, max_items=1, in_flight=5) as verifier:
        future = verifier.submit(numbered(5))
        until(lambda: redis.llen("rq:queue:score") == 5)
        redis.flushall()
        start_worker()
        assert rewards(future.result(60)) == [1, 2, 3, 4, 5]


def test_a_job_that_is_lost_for_ever_becomes_error_items(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer_client.queue.CHECK_S", 0.0)
    monkeypatch.setattr("trainer_client.queue.BLOCK_S", 0.1)
    with QueueVerifier(redis_url) as verifier:
        future = verifier.submit(request("a", "b"))
        while not future.done():
            redis.delete(*(redis.keys("rq:job:*") or ["none"]))  # type: ignore[misc]
            time.sleep(0.01)
        response = future.result()
    assert rewards(response) == [None, None]
    assert codes(response) == {"job_lost"}
    assert all(result["error"]["retryable"] for result in response["results"])  # type: ignore[index]


def test_a_job_that_the_workers_gave_up_becomes_error_items(
    start_worker: StartWorker, redis_url: str
) -> None:
    start_worker()
    with QueueVerifier(redis_url, job_timeout=1) as verifier:
        assert codes(verifier.score(request("sleep 30"))) == {"job_lost"}


def test_faulted_items_are_asked_again(
    start_worker: StartWorker, verifier: QueueVerifier, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer_client.batch.REASK_S", 0.0)
    start_worker()
    assert rewards(verifier.score(request("a", "fault once x"))) == [1, len("fault once x")]
    assert redis.hget("stub:runs", "a") == b"1"


@pytest.mark.parametrize(
    "forged",
    [
        {"type": 1, "return_value": "not base64"},
        {"type": 1, "return_value": b64encode(b"not JSON")},
        {"type": 1, "return_value": b64encode(b'{"results": [{}]}')},
        {"type": 1, "return_value": b64encode(b'{"results": 3}')},
        {"type": 1, "return_value": b64encode(b'{"error": 3}')},
        {"type": 1},
        {"nothing": "of RQ"},
    ],
)
def test_a_garbled_result_is_an_error_item_or_an_exception_but_no_hang(
    redis: Redis, verifier: QueueVerifier, forged: dict[str, Any]
) -> None:
    future = verifier.submit(request("a"))
    until(lambda: redis.llen("rq:queue:score"))
    (job_id,) = redis.lrange("rq:queue:score", 0, -1)
    redis.xadd(f"rq:results:{job_id.decode()}", forged)
    assert codes(future.result(20)) <= {"job_lost", "internal"}
    later = verifier.submit(request("a"))
    until(lambda: redis.llen("rq:queue:score") > 1)
    later.cancel()


def test_a_redis_that_is_full_is_waited_for(
    start_worker: StartWorker, redis: Redis, verifier: QueueVerifier
) -> None:
    redis.config_set("maxmemory", "1")
    future = verifier.submit(request("a"))
    time.sleep(1)
    assert not future.done()
    redis.config_set("maxmemory", "0")
    start_worker()
    assert rewards(future.result(30)) == [1]


def test_a_requests_own_deadline_ends_the_wait(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer_client.queue.DEADLINE_GRACE_S", 0.2)
    monkeypatch.setattr("trainer_client.queue.BLOCK_S", 0.1)
    with QueueVerifier(redis_url) as verifier:
        assert codes(verifier.score({**request("a"), "deadline_s": 0.2})) == {"deadline"}


def test_without_a_worker_the_wait_ends(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer_client.queue.BLOCK_S", 0.1)
    with QueueVerifier(redis_url, timeout=0.5) as verifier:
        assert codes(verifier.score(request("a"))) == {"deadline"}
        until(lambda: not redis.keys("rq:job:*"))


def test_without_redis_the_wait_ends() -> None:
    with QueueVerifier("unix:///nonexistent/redis.sock", timeout=0.5) as verifier:
        assert codes(verifier.score(request("a", "b"))) == {"queue_unavailable"}


def test_a_cancelled_batch_is_taken_off_the_queue(redis: Redis, verifier: QueueVerifier) -> None:
    future = verifier.submit(request("a"))
    until(lambda: redis.keys("rq:job:*"))
    assert future.cancel()
    until(lambda: not redis.keys("rq:job:*"))


def test_cancelling_an_awaiting_task_gives_up_the_batch(redis: Redis, verifier: QueueVerifier) -> None:
    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(verifier.score_async(request("a")), 0.5)

    asyncio.run(give_up())
    until(lambda: not redis.keys("rq:job:*"))


def test_closing_cancels_what_is_outstanding(redis: Redis, redis_url: str) -> None:
    verifier = QueueVerifier(redis_url, max_items=1, in_flight=2)
    futures = [verifier.submit(numbered(3)), verifier.submit(request("a"))]
    until(lambda: redis.keys("rq:job:*"))
    verifier.close()
    wait(futures, 10)
    for future in futures:
        with pytest.raises(CancelledError):
            future.result()
    with pytest.raises(VerifierClosed):
        verifier.submit(request("a"))
    assert not redis.keys("rq:job:*") and not redis.keys("verifier:*")
