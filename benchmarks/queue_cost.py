"""What the queue costs: a 64-item no-op job from enqueue to result, ours against RQ's own SimpleWorker.

    python -m benchmarks.queue_cost [JOBS]

Both sides run one worker process on one private Redis, with the same request and a response of the same size.
Printed: p50 and p99 of one job at a time, jobs a second of many at once, and the ratios; medians of five
rounds.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import redis
from rq import Queue, SimpleWorker

from trainer_client import QueueVerifier
from trainer_client.embedded import EmbeddedRedis
from verifier.queue.process import die_with, work
from verifier.queue.settings import ProcessSettings
from verifier.schema import ComponentResult, ItemResult, ScoreRequest, ScoreResponse, Status, Verdict

ITEMS = 64
ROUNDS = 5
REQUEST: Any = {
    "rewards": [{"type": "math"}],
    "items": [{"completion": "x" * 700 + str(n), "reference": {"answer": "42"}} for n in range(ITEMS)],
}


def answer(items: int) -> ScoreResponse:
    """A response without any scoring."""
    component = ComponentResult("math", "math", Status.OK, 1.0, 1.0, Verdict.CORRECT)
    results = [ItemResult(None, index, Status.OK, 1.0, [component]) for index in range(items)]
    return ScoreResponse(results, {"math": 1}, "request", 1.0, "0")


class NoOp:
    """An engine that scores nothing."""

    async def score(self, request: ScoreRequest, request_id: str | None = None) -> ScoreResponse:
        return answer(len(request.items))


@asynccontextmanager
async def no_op() -> AsyncIterator[NoOp]:
    yield NoOp()


def stock_job(request: dict[str, Any]) -> dict[str, Any]:
    """The same work in RQ's own worker, with its own JSON."""
    return json.loads(json.dumps(ANSWER))  # type: ignore[no-any-return]


ANSWER = {
    "results": [
        {
            "index": n,
            "status": "ok",
            "reward": 1.0,
            "components": [{"name": "math", "type": "math", "score": 1.0}],
        }
        for n in range(ITEMS)
    ]
}


def run_worker(kind: str, url: str) -> None:
    """Runs in the worker process."""
    die_with(int(sys.argv[3]))
    if kind == "stock":
        connection = redis.Redis.from_url(url, protocol=2)
        SimpleWorker(["stock"], connection=connection, serializer="json").work(logging_level="ERROR")
    else:
        settings = ProcessSettings(
            redis_url=url,
            queue="score",
            name=f"bench-{os.getpid()}",
            sandbox="none",
            sandbox_api_key=None,
            scoring_processes=1,
            plugins=(),
            log_format="json",
        )
        work(settings, no_op())


@contextmanager
def worker(kind: str, url: str) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.queue_cost", kind, url, str(os.getpid())]
    process = subprocess.Popen(command)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def await_stock(client: redis.Redis, job_id: str) -> None:
    """A blocking read of one result stream, the fastest way that RQ offers."""
    answer: Any = client.xread({f"rq:results:{job_id}": "0-0"}, block=60_000)
    json.loads(b64decode(answer[0][1][0][1][b"return_value"]))


def timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def figures(one: Callable[[], object], many: Callable[[int], object], jobs: int) -> dict[str, float]:
    for _ in range(20):
        one()
    single = sorted(timed(one) for _ in range(jobs))
    throughput = statistics.median(jobs / timed(lambda: many(jobs)) for _ in range(3))
    return {
        "p50_ms": round(1e3 * single[len(single) // 2], 2),
        "p99_ms": round(1e3 * single[int(0.99 * len(single))], 2),
        "jobs_per_s": round(throughput, 1),
    }


def measure_stock(url: str, jobs: int) -> dict[str, float]:
    with redis.Redis.from_url(url, protocol=2, socket_timeout=60) as client, worker("stock", url):
        queue = Queue("stock", connection=client, serializer="json")

        def many(count: int) -> None:
            calls = [
                Queue.prepare_data(
                    "benchmarks.queue_cost.stock_job", args=(REQUEST,), timeout=60, result_ttl=60
                )
                for _ in range(count)
            ]
            await_stock(client, queue.enqueue_many(calls)[-1].id)  # one worker: the last ends last

        return figures(lambda: many(1), many, jobs)


def measure_ours(url: str, jobs: int) -> dict[str, float]:
    with QueueVerifier(url) as verifier, worker("ours", url):

        def many(count: int) -> None:
            for future in [verifier.submit(REQUEST) for _ in range(count)]:
                future.result()

        return figures(lambda: verifier.score(REQUEST), many, jobs)


def main() -> None:
    """Measures both in turn, and prints the medians of the rounds and of their ratios as JSON."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with EmbeddedRedis() as server:
        rounds = [(measure_stock(server.url, jobs), measure_ours(server.url, jobs)) for _ in range(ROUNDS)]
    report = {
        name: {
            "stock": statistics.median(stock[name] for stock, _ in rounds),
            "ours": statistics.median(ours[name] for _, ours in rounds),
            "ours/stock": round(statistics.median(ours[name] / stock[name] for stock, ours in rounds), 2),
        }
        for name in rounds[0][0]
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in ("stock", "ours"):
        run_worker(sys.argv[1], sys.argv[2])
    else:
        main()
