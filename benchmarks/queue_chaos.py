"""Kills workers at random while jobs of .2 to 30 s run, and counts: every result, once, right, and how soon
again.

    python -m benchmarks.queue_chaos [KILLS] [SECONDS_BETWEEN]

A supervisor keeps six workers whose engine only sleeps. Every few seconds one that has a job in hand gets
SIGKILL.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis import Redis
from rq import Queue

from trainer_client.embedded import EmbeddedRedis
from verifier.queue.process import die_with, work
from verifier.queue.settings import ProcessSettings
from verifier.queue.supervisor import Supervisor
from verifier.schema import ItemResult, ScoreRequest, ScoreResponse, Status

WORKERS = 6
SHARES = {0.2: 0.80, 2.0: 0.15, 10.0: 0.04, 30.0: 0.01}
"""Duration of a job in seconds, and the share of jobs that take so long."""
MEAN_S = sum(seconds * share for seconds, share in SHARES.items())
GIVE_UP_S = 300.0
"""After the last kill."""


class Sleeper:
    """An engine that sleeps as long as a completion says, and notes when it began."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def score(self, request: ScoreRequest, request_id: str | None = None) -> ScoreResponse:
        results = []
        for index, item in enumerate(request.items):
            self._redis.rpush("chaos:starts", f"{request_id} {time.time()}")
            await asyncio.sleep(float(str(item.completion)))
            results.append(ItemResult(item.id, index, Status.OK, float(str(item.completion)), []))
        return ScoreResponse(results, {}, request_id or "", 0.0, "0")


@asynccontextmanager
async def sleeper(settings: ProcessSettings) -> AsyncIterator[Sleeper]:
    with Redis.from_url(settings.redis_url) as redis:
        yield Sleeper(redis)


def enqueue(redis: Redis, count: int) -> dict[str, float]:
    """The jobs by id, and how long each takes."""
    durations = random.choices(list(SHARES), list(SHARES.values()), k=count)
    jobs = {uuid.uuid4().hex: seconds for seconds in durations}
    calls = [
        Queue.prepare_data(
            "verifier.jobs.score_batch",
            args=({"rewards": [{"type": "math"}], "items": [{"completion": str(seconds)}]},),
            job_id=job_id,
            timeout=600,
            result_ttl=86_400,
        )
        for job_id, seconds in jobs.items()
    ]
    Queue("score", connection=redis, serializer="json").enqueue_many(calls)
    return jobs


def kill_one(redis: Redis) -> tuple[str, float] | None:
    """Kills a worker that has a job in hand; which job, and when."""
    found: Any = [redis.hgetall(key) for key in redis.smembers("rq:workers:score")]
    busy = [worker for worker in found if worker.get(b"current_job")]
    if not busy:
        return None
    victim = random.choice(busy)
    try:
        os.kill(int(victim[b"pid"]), signal.SIGKILL)
    except ProcessLookupError:
        return None
    return victim[b"current_job"].decode(), time.time()


def run_chaos(redis: Redis, kills: int, pause_s: float) -> dict[str, Any]:
    """Kills so often while jobs run, waits for the rest, and counts."""
    jobs = enqueue(redis, int(kills * pause_s * WORKERS * 0.9 / MEAN_S))
    killed: list[tuple[str, float]] = []
    started = time.time()
    while len(killed) < kills and ended(redis, jobs) < len(jobs):
        time.sleep(pause_s * random.uniform(0.5, 1.5))
        if (kill := kill_one(redis)) is not None:
            killed.append(kill)
    end = time.time() + GIVE_UP_S
    while ended(redis, jobs) < len(jobs) and time.time() < end:
        time.sleep(0.5)
    return {"seconds": round(time.time() - started), **count(redis, jobs, killed)}


def ended(redis: Redis, jobs: dict[str, float]) -> int:
    with redis.pipeline(transaction=False) as pipe:
        for job_id in jobs:
            pipe.exists(f"rq:results:{job_id}")
        return sum(pipe.execute())


def count(redis: Redis, jobs: dict[str, float], killed: list[tuple[str, float]]) -> dict[str, Any]:
    queue = Queue("score", connection=redis, serializer="json")
    results = {job_id: queue.fetch_job(job_id).results() for job_id in jobs}  # type: ignore[union-attr]
    rewards = {
        job_id: found[0].return_value["results"][0]["reward"]
        for job_id, found in results.items()
        if found and found[0].return_value
    }
    wrong = [found for job_id, found in results.items() if rewards.get(job_id) != jobs[job_id]]
    again = delays(redis, killed)
    return {
        "jobs": len(jobs),
        "kills": len(killed),
        "with_result": sum(bool(found) for found in results.values()),
        "with_two_results": sum(len(found) > 1 for found in results.values()),
        "right": sum(rewards.get(job_id) == seconds for job_id, seconds in jobs.items()),
        "wrong": [
            str(result.return_value or result.exc_string)[-500:] for found in wrong for result in found
        ],
        "interrupted": len(again),
        "running_again_s": {
            "max": round(max(again, default=0), 1),
            "median": round(sorted(again)[len(again) // 2], 1),
        }
        if again
        else {},
    }


def delays(redis: Redis, killed: list[tuple[str, float]]) -> list[float]:
    """Seconds from each kill to the next start of its job; a job that had ended just then has none."""
    starts: dict[str, list[float]] = defaultdict(list)
    for entry in redis.lrange("chaos:starts", 0, -1):  # type: ignore[union-attr]
        job_id, at = entry.decode().split()
        starts[job_id].append(float(at))
    later = [[at - when for at in starts[job_id] if at > when] for job_id, when in killed]
    return [min(found) for found in later if found]


def main() -> None:
    """Runs, and prints the counts as JSON."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    pause_s = float(sys.argv[2]) if len(sys.argv) > 2 else 4.0
    outcome: dict[str, Any] = {}
    with EmbeddedRedis() as server, Redis.from_url(server.url, protocol=2, socket_timeout=60) as redis:
        settings = ProcessSettings(
            redis_url=server.url,
            queue="score",
            name="",
            sandbox="none",
            sandbox_api_key=None,
            scoring_processes=1,
            plugins=(),
            log_format="console",
        )
        command = [sys.executable, "-m", "benchmarks.queue_chaos", "worker"]
        supervisor = Supervisor(settings, processes=WORKERS, grace_s=5, command=command)

        async def supervise() -> None:
            loop = asyncio.get_running_loop()

            def chaos() -> None:
                outcome.update(run_chaos(redis, kills, pause_s))
                loop.call_soon_threadsafe(supervisor.stop)

            thread = threading.Thread(target=chaos)
            thread.start()
            await supervisor.run()
            thread.join()

        asyncio.run(supervise())
    sys.stdout.write(json.dumps(outcome, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        die_with(int(sys.argv[2]))
        told = ProcessSettings.from_json(sys.stdin.buffer.read())
        work(told, sleeper(told))
    else:
        main()
