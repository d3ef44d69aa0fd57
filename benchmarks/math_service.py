"""What mathematics costs through ``POST /score``, and whether bombs slow other requests down.

    python -m benchmarks.math_service [--rounds N]

Baselines of the same run: math-verify alone in one process; a reward that returns a constant; the same small
requests while nobody attacks. Prints Markdown.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import logging
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

import orjson

from benchmarks.math_speed import Pair, easy_items, mixed_items, theirs
from benchmarks.service_cost import served, verifier_command

PORT = 18237
BOMBS = (
    "9^{9^{9^{9}}}",
    "\\binom{10^9}{10^8}",
    "(10^{9})!",
    "\\sum_{k=1}^{10^{9}} \\frac{\\sin k}{k}",
    "(" * 5_000,
)


def request(items: Iterable[Pair], reward: str) -> bytes:
    """The body that scores these items by one reward."""
    rows = [{"completion": completion, "reference": {"answer": gold}} for completion, gold in items]
    return orjson.dumps({"rewards": [{"type": reward}], "items": rows})


def post(body: bytes) -> float:
    """Seconds that one request takes."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=600)
    started = time.perf_counter()
    connection.request("POST", "/score", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, content[:300]
    elapsed = time.perf_counter() - started
    connection.close()
    return elapsed


def alone(items: list[Pair]) -> float:
    """Seconds that math-verify takes in this process."""
    started = time.perf_counter()
    for completion, gold in items:
        theirs(completion, gold)
    return time.perf_counter() - started


def scored(items: list[Pair], reward: str) -> float:
    """Seconds that the service takes for these items."""
    return post(request(items, reward))


def compare(
    name: str,
    make: Callable[[], list[Pair]],
    reward: str,
    baseline: Callable[[list[Pair]], float],
    rounds: int,
) -> None:
    """A row: both medians in ms, and the median of the ratios, baseline over ours."""
    batches = [make() for _ in range(rounds)]
    pairs = [(scored(items, reward), baseline(items)) for items in batches]
    mine, other = (statistics.median(side) * 1e3 for side in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    sys.stdout.write(f"| {name} | {mine:.1f} | {other:.1f} | {ratio:.2f} |\n")
    sys.stdout.flush()


def quantiles(times: list[float]) -> str:
    """p50 and p99 in ms."""
    cuts = statistics.quantiles(times, n=100)
    return f"{cuts[49] * 1e3:.1f} / {cuts[98] * 1e3:.1f}"


def under_attack(count: int = 300) -> None:
    """Small requests while nobody attacks, and while one client sends nothing but bombs."""
    small = request(easy_items(1), "math")
    quiet = [post(small) for _ in range(count)]
    ended = threading.Event()

    def attack() -> None:
        bombs = request([(f"\\boxed{{{bomb}}}", "7") for bomb in BOMBS], "math")
        while not ended.is_set():
            post(bombs)

    attacker = threading.Thread(target=attack)
    attacker.start()
    try:
        attacked = [post(small) for _ in range(count)]
    finally:
        ended.set()
        attacker.join()
    sys.stdout.write(
        f"\nOne easy item, p50 / p99 ms: {quantiles(quiet)} quiet, {quantiles(attacked)} attacked.\n"
    )


def main() -> None:
    """Everything, against one running service."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    seeds = itertools.count(1)  # every round has items of its own: no cache knows them
    with served([*verifier_command(PORT), "--scoring-processes", "2"], PORT):
        post(request(easy_items(800, 0) + mixed_items(), "math"))
        sys.stdout.write("| through POST /score | ms | baseline, ms | baseline / ours |\n|---|--:|--:|--:|\n")
        compare("800 easy; math-verify", lambda: easy_items(800, next(seeds)), "math", alone, rounds)
        if mixed_items():
            compare("mixed file; math-verify", mixed_items, "math", alone, min(rounds, 3))
        constant = partial(scored, reward="noop")
        compare("1,024 easy; a constant", lambda: easy_items(1024, next(seeds)), "math", constant, rounds)
        under_attack()


if __name__ == "__main__":
    main()
