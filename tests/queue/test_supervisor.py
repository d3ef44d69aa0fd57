"""The supervisor with real processes: restarts, drains, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from redis import Redis
from rq import Queue
from rq.results import Result

from verifier.queue.supervisor import HEALTHY_S, LONGEST_PAUSE_S, Backoff

SCORE_BATCH = "verifier.jobs.score_batch"
STUB_WORKER = Path(__file__).with_name("stub_worker.py")

SUPERVISOR = f"""
import asyncio, sys
from verifier.queue.settings import ProcessSettings
from verifier.queue.supervisor import Supervisor
settings = ProcessSettings(
    redis_url=sys.argv[1], queue="score", name="", sandbox="none", sandbox_api_key=None,
    scoring_processes=1, plugins=(), log_format="json",
)
command = sys.argv[4:] or [sys.executable, {str(STUB_WORKER)!r}]
supervisor = Supervisor(settings, processes=int(sys.argv[2]), grace_s=float(sys.argv[3]), command=command)
asyncio.run(supervisor.run())
"""

Supervise = Callable[..., psutil.Popen]


def request(completion: str) -> dict[str, object]:
    return {"rewards": [{"type": "stub"}], "items": [{"completion": completion}]}


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def supervise(redis_url: str) -> Iterator[Supervise]:
    started: list[psutil.Popen] = []

    def start(*command: str, processes: int = 2, grace_s: float = 20) -> psutil.Popen:
        arguments = [redis_url, str(processes), str(grace_s), *command]
        process = psutil.Popen([sys.executable, "-c", SUPERVISOR, *arguments])
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def queue(redis: Redis) -> Queue:
    return Queue("score", connection=redis, serializer="json")


def workers_of(redis: Redis) -> int:
    return int(redis.scard("rq:workers:score"))


def test_keeps_the_asked_number_of_workers(supervise: Supervise, redis: Redis) -> None:
    supervisor = supervise(processes=2)
    until(lambda: workers_of(redis) == 2)
    first = {child.pid for child in supervisor.children()}
    os.kill(min(first), signal.SIGKILL)
    until(lambda: len(fresh := {child.pid for child in supervisor.children()}) == 2 and fresh != first)


def test_the_job_of_a_killed_worker_runs_again_though_the_others_are_busy(
    supervise: Supervise, redis: Redis, queue: Queue
) -> None:
    supervise(processes=2)
    queue.enqueue(SCORE_BATCH, request("sleep 60"))
    job = queue.enqueue(SCORE_BATCH, request("kill once a"))
    waiting = [queue.enqueue(SCORE_BATCH, request("a")) for _ in range(20)]
    result = job.latest_result(timeout=15)
    assert result is not None and result.type == Result.Type.SUCCESSFUL
    assert waiting[-1].latest_result(timeout=15) is not None


def test_one_poisonous_item_cannot_take_its_neighbours_along(
    supervise: Supervise, redis: Redis, queue: Queue
) -> None:
    supervise(processes=1)
    completions = [f"item {number}" for number in range(12)]
    completions[7] = "crash always"
    items = [{"completion": text} for text in completions]
    items += [{"completion": f"member {number}", "group": "g"} for number in range(3)]
    job = queue.enqueue(SCORE_BATCH, {"rewards": [{"type": "stub"}], "items": items})
    result = job.latest_result(timeout=50)
    assert result is not None and result.type == Result.Type.SUCCESSFUL
    results = result.return_value["results"]
    assert [item["index"] for item in results] == list(range(15))
    poison = results.pop(7)
    assert (poison["status"], poison["reward"]) == ("error", None)
    assert poison["error"] == {**poison["error"], "code": "worker_lost", "retryable": False}
    assert {item["status"] for item in results} == {"ok"}
    assert result.return_value["graders"] == {"stub": 1}
    assert not redis.keys("verifier:progress:*")


def test_sigterm_lets_jobs_finish_and_leaves_no_process(
    supervise: Supervise, redis: Redis, queue: Queue
) -> None:
    supervisor = supervise(processes=2)
    job = queue.enqueue(SCORE_BATCH, request("sleep 2"))
    until(lambda: redis.hget("stub:runs", "sleep 2"))
    children = supervisor.children(recursive=True)
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(20) == 0
    assert job.latest_result().type == Result.Type.SUCCESSFUL  # type: ignore[union-attr]
    assert not any(child.is_running() for child in children)


def test_a_job_longer_than_the_grace_goes_back_to_the_queue(
    supervise: Supervise, redis: Redis, queue: Queue
) -> None:
    supervisor = supervise(processes=1, grace_s=0.5)
    job = queue.enqueue(SCORE_BATCH, request("sleep 60"))
    until(lambda: redis.hget("stub:runs", "sleep 60"))
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(20) == 0
    assert job.latest_result() is None
    assert redis.lrange(queue.key, 0, -1) == [job.id.encode()]


def test_workers_die_with_a_killed_supervisor(supervise: Supervise, redis: Redis) -> None:
    supervisor = supervise(processes=2)
    until(lambda: workers_of(redis) == 2)
    children = supervisor.children(recursive=True)
    supervisor.kill()
    supervisor.wait()
    psutil.wait_procs(children, timeout=10)
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)


def test_a_worker_that_cannot_start_is_tried_again_with_pauses(supervise: Supervise, tmp_path: Path) -> None:
    log = tmp_path / "starts"
    supervisor = supervise("/bin/sh", "-c", f"echo x >> {log}; exit 1", processes=1)
    until(lambda: log.exists() and len(log.read_text().split()) >= 3)
    assert supervisor.poll() is None
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(10) == 0


def test_pauses_grow_to_a_bound_and_start_over_after_a_healthy_life() -> None:
    backoff = Backoff()
    pauses = [backoff.after(lived_s=1, working=False) for _ in range(20)]
    assert pauses[0] == 0
    assert all(0 < pause <= LONGEST_PAUSE_S for pause in pauses[1:])
    assert max(pauses[-5:]) > LONGEST_PAUSE_S / 2.1
    assert backoff.after(lived_s=HEALTHY_S, working=False) == 0
    assert [backoff.after(lived_s=1, working=True) for _ in range(5)] == [0] * 5


def test_settings_stay_out_of_arguments_and_environment(supervise: Supervise, redis: Redis) -> None:
    supervisor = supervise(processes=1)
    until(lambda: workers_of(redis) == 1)
    (child,) = supervisor.children()
    assert "unix:" not in " ".join(child.cmdline())
    assert not any("redis.sock" in value for value in child.environ().values())


def test_ctrl_c_in_a_terminal_reaches_the_supervisor_alone(supervise: Supervise, redis: Redis) -> None:
    supervisor = supervise(processes=1)
    until(lambda: workers_of(redis) == 1)
    (child,) = supervisor.children()
    assert os.getpgid(child.pid) != os.getpgid(supervisor.pid)
