"""What waiting for rewards costs the trainer: steps a second with a verifier slowed to one step's compute.

python -m benchmarks.trainer_overlap

The demo's model and batch, from random weights, with rewards made up in this process. An instant verifier
gives the compute of a step; then every request is answered that much later, blocking (max_staleness 0) and
with one batch in flight (max_staleness 1).
"""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import Future
from typing import Any

import torch

from trainer import policy
from trainer.config import Config
from trainer.loop import Loop
from trainer.scoring import Scorer
from trainer_client.wire import ItemResult, ScoreRequest, ScoreResponse

STEPS = 30
WARM = 5


class DelayedVerifier:
    """Rewards 0, 1, 2 … within each request, after a delay in seconds."""

    def __init__(self, delay: float) -> None:
        self.delay = delay

    def submit(self, request: ScoreRequest) -> Future[ScoreResponse]:
        results: list[ItemResult] = [
            {"index": i, "status": "ok", "reward": float(i), "components": []}
            for i in range(len(request["items"]))
        ]
        response: ScoreResponse = {
            "results": results,
            "graders": {},
            "request_id": "",
            "elapsed_ms": 0.0,
            "version": "",
        }
        future: Future[ScoreResponse] = Future()
        if self.delay:
            timer = threading.Timer(self.delay, future.set_result, [response])
            timer.daemon = True
            timer.start()
        else:
            future.set_result(response)
        return future


def measure(delay: float, max_staleness: int) -> tuple[float, float]:
    """Seconds a step, and the share of them spent waiting."""
    config = Config(steps=STEPS, max_staleness=max_staleness)
    current = policy.create(config.model, config.task, config.max_tokens, config.seed)
    verifier: Any = DelayedVerifier(delay)
    scorer = Scorer(verifier, config.rewards, "overlap", lambda _: None, lambda: None)
    steps = Loop(config, current, config.task, scorer).steps()
    for _ in range(WARM):
        next(steps)
    started = time.perf_counter()
    waited = [result.metrics["time/wait"] for result in steps]
    seconds = time.perf_counter() - started
    return seconds / len(waited), sum(waited) / seconds


def main() -> None:
    torch.set_num_threads(1)
    compute, _ = measure(0.0, 1)
    sys.stdout.write(f"compute of a step: {1000 * compute:.0f} ms; verifier slowed to that\n")
    sys.stdout.write("| max_staleness | verifier | ms a step | waiting |\n|---|---|---|---|\n")
    for staleness, delay in ((1, 0.0), (1, compute), (0, compute)):
        seconds, share = measure(delay, staleness)
        kind = "slow" if delay else "instant"
        sys.stdout.write(f"| {staleness} | {kind} | {1000 * seconds:.0f} | {share:.0%} |\n")


if __name__ == "__main__":
    main()
