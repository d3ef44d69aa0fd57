"""How many items a second each cheap reward judges, in one process: python benchmarks/rewards_throughput.py

Completions are of 1 KB of words (8 KB for repetition), each different. CPU time, the least of five rounds, as
what else runs only ever adds. Targets: 50,000 items/s for format, choice, exact, tag_count and
length; 5,000 for repetition (n = 40, 8 KB) and instruction.
"""

from __future__ import annotations

import random
import sys
import time
from functools import partial
from typing import Any

from verifier.rewards.base import Combinator, ItemReward, Sample
from verifier.rewards.registry import BoundReward, parse_reward

ITEMS = 500
ROUNDS = 5

INSTRUCTIONS = {
    "instruction_id_list": [
        "length_constraints:number_words",
        "detectable_format:number_bullet_lists",
        "punctuation:no_comma",
    ],
    "kwargs": [{"num_words": 50, "relation": "at least"}, {"num_bullets": 0}, {}],
}

CASES: tuple[tuple[str, dict[str, Any], dict[str, Any] | None, int, int], ...] = (
    ("format, preset", {"type": "format", "preset": "think_answer"}, None, 1024, 50_000),
    ("format, pattern", {"type": "format", "pattern": "<think>.*</think><answer>.*"}, None, 1024, 50_000),
    ("choice", {"type": "choice"}, {"answer": "B"}, 1024, 50_000),
    ("exact", {"type": "exact"}, {"answer": "B"}, 1024, 50_000),
    ("tag_count", {"type": "tag_count"}, None, 1024, 50_000),
    ("length", {"type": "length", "form": "overlong", "max_length": 512, "cache": 64}, None, 1024, 50_000),
    ("repetition, n = 40", {"type": "repetition", "n": 40}, None, 8192, 5_000),
    ("instruction", {"type": "instruction"}, INSTRUCTIONS, 1024, 5_000),
    ("numeric", {"type": "numeric"}, {"answer": "4"}, 1024, 0),
    ("f1", {"type": "f1"}, {"answer": "B"}, 1024, 0),
    ("countdown", {"type": "countdown"}, {"target": 24, "numbers": [1, 2, 3, 4]}, 1024, 0),
    ("json", {"type": "json", "extract": "answer_tag", "schema": {"type": "string"}}, None, 1024, 0),
    ("language", {"type": "language", "language": "en"}, None, 1024, 0),
)


def completions(size: int, count: int) -> list[str]:
    """Different texts of about ``size`` characters: words of a vocabulary of 5,000, an answer at the end."""
    draw = random.Random(0)
    vocabulary = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 9))) for _ in range(5_000)]
    texts: list[str] = []
    for _ in range(count):
        words = " ".join(draw.choices(vocabulary, k=size // 6))[: size - 50]
        texts.append(f"<think>{words}</think><answer>B</answer>")
    return texts


def rate(bound: BoundReward, samples: list[Sample]) -> float:
    """Items a second, in the fastest of ``ROUNDS``."""
    reward, parameters = bound.reward, bound.parameters
    if isinstance(reward, Combinator):
        judge = partial(_combined, reward, parameters)
    else:
        assert isinstance(reward, ItemReward)
        judge = partial(_scored, reward, parameters)
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for sample in samples:
            judge(sample)
        best = min(best, time.process_time() - started)
    return len(samples) / best


def _combined(reward: Combinator[Any], parameters: Any, sample: Sample) -> None:
    reward.combine(sample, {}, parameters)


def _scored(reward: ItemReward[Any], parameters: Any, sample: Sample) -> None:
    reward.score(sample, parameters)


def main() -> int:
    """Print the table; 1 where a target is missed."""
    missed = 0
    print("| reward | completion | items/s | target |\n|---|---:|---:|---:|")  # noqa: T201
    for name, spec, reference, size, target in CASES:
        samples = [
            Sample(text, reference=reference, completion_tokens=size // 4)
            for text in completions(size, ITEMS)
        ]
        bound = parse_reward(spec, "reward")
        rate(bound, samples[:10])
        found = rate(bound, samples)
        missed += found < target
        wanted = f"{target:,}" if target else "–"
        print(f"| {name} | {size // 1024} KB | {found:,.0f} | {wanted} |")  # noqa: T201
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
