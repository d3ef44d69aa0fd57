"""One worker process on a real Redis."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from rq import Callback, Queue, Repeat, Retry, Webhook
from rq.job import Job
from rq.results import Result

from trainer_client import QueueVerifier, RequestRejected

StartWorker = Callable[[], "subprocess.Popen[bytes]"]

SCORE_BATCH = "verifier.jobs.score_batch"
REWARDS = [{"type": "stub"}]


def request(*completions: str) -> dict[str, object]:
    return {"rewards": REWARDS, "items": [{"completion": text} for text in completions]}


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def runs(redis: Redis, completion: str) -> int:
    return int(redis.hget("stub:runs", completion) or 0)


@pytest.fixture
def queue(redis: Redis) -> Queue:
    """The queue as a trainer sees it that has plain RQ and nothing of ours."""
    return Queue("score", connection=redis, serializer="json")


def test_scores_a_batch_in_order(start_worker: StartWorker, verifier: QueueVerifier) -> None:
    start_worker()
    response = verifier.score(request("a", "bbb", "cc"))  # type: ignore[arg-type]
    assert [result["reward"] for result in response["results"]] == [1, 3, 2]


def test_a_request_that_is_not_valid_is_rejected(start_worker: StartWorker, verifier: QueueVerifier) -> None:
    start_worker()
    with pytest.raises(RequestRejected, match="rewards are missing"):
        verifier.score({"items": [{"completion": "a"}]})


def test_plain_rq_enqueues_by_name_and_reads_the_result(start_worker: StartWorker, queue: Queue) -> None:
    start_worker()
    job = queue.enqueue(SCORE_BATCH, request("abc"))
    result = job.latest_result(timeout=20)
    assert result is not None and result.type == Result.Type.SUCCESSFUL
    assert result.return_value["results"][0]["reward"] == 3
    assert 0 < queue.connection.ttl(job.key) <= 500


def test_a_job_of_plain_rq_is_retried(start_worker: StartWorker, queue: Queue) -> None:
    start_worker()
    job = queue.enqueue(SCORE_BATCH, request("raise once a", "b"))
    result = job.latest_result(timeout=20)
    assert result is not None and result.type == Result.Type.SUCCESSFUL
    assert [item["reward"] for item in result.return_value["results"]] == [len("raise once a"), 1]


@pytest.mark.parametrize("retry", [None, Retry(max=1), Retry(max=1000, interval=60)])
def test_retries_are_bounded_whatever_the_submitter_asks(
    start_worker: StartWorker, queue: Queue, redis: Redis, retry: Retry | None
) -> None:
    start_worker()
    job = queue.enqueue(SCORE_BATCH, request("raise"), retry=retry)
    result = job.latest_result(timeout=20)
    assert result is not None
    (item,) = result.return_value["results"]
    assert (item["status"], item["reward"], item["error"]["code"]) == ("error", None, "worker_lost")
    assert runs(redis, "raise") == 2


def test_what_fails_for_good_expires(start_worker: StartWorker, queue: Queue, redis: Redis) -> None:
    start_worker()
    job = queue.enqueue(SCORE_BATCH, request("sleep 30"), job_timeout=1)
    result = job.latest_result(timeout=20)
    assert result is not None and result.type == Result.Type.FAILED
    assert runs(redis, "sleep 30") == 1
    assert 0 < redis.ttl(job.key) <= 3600
    assert 0 < redis.ttl(f"rq:results:{job.id}") <= 3600


def foreign_jobs(queue: Queue, marker: str) -> dict[str, Job]:
    """Jobs that would run something else."""
    touch = Callback("os.system")
    first = queue.enqueue(SCORE_BATCH, request("parent"))
    return {
        "function": queue.enqueue("os.system", f"touch {marker}"),
        "success callback": queue.enqueue(SCORE_BATCH, request("x"), on_success=touch),
        "failure callback": queue.enqueue(SCORE_BATCH, request("x"), on_failure=touch),
        "stopped callback": queue.enqueue(SCORE_BATCH, request("x"), on_stopped=touch),
        "webhook": queue.enqueue(
            SCORE_BATCH, request("x"), webhooks=[Webhook("http://127.0.0.1:9/", job_status="finished")]
        ),
        "repeat": queue.enqueue(SCORE_BATCH, request("x"), repeat=Repeat(times=3, interval=1)),
        "two arguments": queue.enqueue(SCORE_BATCH, request("x"), request("x")),
        "keyword": queue.enqueue(SCORE_BATCH, kwargs={"request": request("x")}),
        "no request": queue.enqueue(SCORE_BATCH, "x"),
        "pickle": Queue("score", connection=queue.connection).enqueue(SCORE_BATCH, request("x")),
        "parent": first,
    }


def test_foreign_functions_and_hooks_are_refused_with_nothing_run(
    start_worker: StartWorker, queue: Queue, redis: Redis, tmp_path: Path
) -> None:
    marker = tmp_path / "pwned"
    jobs = foreign_jobs(queue, str(marker))
    parent = jobs.pop("parent")
    start_worker()
    for name, job in jobs.items():
        result = job.latest_result(timeout=20)
        assert result is not None, name
        assert result.type == Result.Type.FAILED, name
        assert "JobRefused" in str(result.exc_string), name
    assert parent.latest_result(timeout=20).type == Result.Type.SUCCESSFUL  # type: ignore[union-attr]
    assert not marker.exists()
    assert runs(redis, "x") == 0
    until(lambda: redis.llen("rq:queue:score:intermediate") == 0)


def test_a_dependent_is_never_enqueued(start_worker: StartWorker, queue: Queue, redis: Redis) -> None:
    parent = queue.enqueue(SCORE_BATCH, request("parent"))
    queue.enqueue(SCORE_BATCH, request("child"), depends_on=parent)
    start_worker()
    assert parent.latest_result(timeout=20) is not None
    last = queue.enqueue(SCORE_BATCH, request("last"))
    assert last.latest_result(timeout=20) is not None
    assert runs(redis, "child") == 0


def test_a_malformed_job_does_not_stop_the_worker(
    start_worker: StartWorker, queue: Queue, redis: Redis
) -> None:
    redis.hset("rq:job:broken", mapping={"data": b"x", "timeout": "soon", "created_at": "never"})
    redis.rpush("rq:queue:score", "broken", "absent")
    worker = start_worker()
    job = queue.enqueue(SCORE_BATCH, request("a"))
    assert job.latest_result(timeout=20) is not None
    assert worker.poll() is None


def test_the_job_of_a_killed_worker_runs_again_and_gives_one_result(
    start_worker: StartWorker, queue: Queue, redis: Redis
) -> None:
    start_worker()
    start_worker()
    job = queue.enqueue(SCORE_BATCH, request("kill once a"))
    result = job.latest_result(timeout=15)
    assert result is not None and result.type == Result.Type.SUCCESSFUL
    assert runs(redis, "kill once a") == 2
    assert redis.xlen(f"rq:results:{job.id}") == 1


@pytest.mark.slow
def test_a_job_stranded_between_queue_and_worker_runs(
    start_worker: StartWorker, queue: Queue, redis: Redis
) -> None:
    job = queue.enqueue(SCORE_BATCH, request("a"))
    redis.lmove(queue.key, queue.intermediate_queue_key)  # a worker took it and died there
    start_worker()
    assert job.latest_result(timeout=30) is not None
    until(lambda: redis.llen(queue.intermediate_queue_key) == 0)
    assert runs(redis, "a") == 1


def test_a_job_handed_out_twice_runs_once(start_worker: StartWorker, queue: Queue, redis: Redis) -> None:
    job = queue.enqueue(SCORE_BATCH, request("a"))
    redis.rpush(queue.key, job.id, job.id)
    start_worker()
    last = queue.enqueue(SCORE_BATCH, request("last"))
    assert last.latest_result(timeout=20) is not None
    assert runs(redis, "a") == 1
    assert redis.xlen(f"rq:results:{job.id}") == 1


def test_an_alarm_leaves_the_engine_whole(start_worker: StartWorker, queue: Queue, redis: Redis) -> None:
    start_worker()
    slow = queue.enqueue(SCORE_BATCH, request("sleep 30"), job_timeout=1, retry=None)
    after = queue.enqueue(SCORE_BATCH, request("a"))
    result = slow.latest_result(timeout=30)
    assert result is not None and "JobTimeoutException" in str(result.exc_string)
    assert after.latest_result(timeout=20).type == Result.Type.SUCCESSFUL  # type: ignore[union-attr]


def test_sigterm_finishes_the_job_at_hand(start_worker: StartWorker, queue: Queue, redis: Redis) -> None:
    worker = start_worker()
    job = queue.enqueue(SCORE_BATCH, request("sleep 2"))
    waiting = queue.enqueue(SCORE_BATCH, request("a"))
    until(lambda: runs(redis, "sleep 2") == 1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert job.latest_result().type == Result.Type.SUCCESSFUL  # type: ignore[union-attr]
    assert waiting.latest_result() is None
    assert redis.lrange(queue.key, 0, -1) == [waiting.id.encode()]


@pytest.mark.slow
def test_a_busy_worker_stays_registered(start_worker: StartWorker, queue: Queue, redis: Redis) -> None:
    start_worker()
    queue.enqueue(SCORE_BATCH, request("sleep 60"))
    until(lambda: runs(redis, "sleep 60"))
    time.sleep(8)  # longer than an execution's heartbeat lives, and than maintenance waits
    (key,) = redis.smembers("rq:workers:score")
    assert redis.hget(key, "state") == b"busy"


@pytest.mark.slow
def test_a_job_of_30_seconds_runs_once(start_worker: StartWorker, queue: Queue, redis: Redis) -> None:
    start_worker()
    start_worker()
    job = queue.enqueue(SCORE_BATCH, request("sleep 30"))
    assert job.latest_result(timeout=60) is not None
    time.sleep(8)  # longer than the heartbeat's time to live
    assert runs(redis, "sleep 30") == 1
    assert redis.xlen(f"rq:results:{job.id}") == 1
