"""Cases a CPU second, of this project and of math-verify alone, each in this one process.

    python benchmarks/math_speed.py

``easy``: 800 completions of 1-2 KB with a boxed number. ``mixed``: ``../shared/data/math_cases.jsonl``, but
for its resource attacks, since on those math-verify only waits for its own timeouts. Prints Markdown.
"""

from __future__ import annotations

import json
import logging
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import math_verify

from verifier.rewards.base import Sample
from verifier.rewards.math import MathReward
from verifier.rewards.math.parameters import MathParameters

MIXED = Path(__file__).resolve().parents[2] / "shared" / "data" / "math_cases.jsonl"
SENTENCES = (
    "We set up the equation and collect the terms on one side.",
    "Substituting $x = 3$ gives $9 + 12 = 21$, which is consistent with what we found.",
    "Each of the remaining cases is handled in the same way.",
    "Therefore the total is the sum of the two parts.",
)
PARAMETERS = MathParameters(type="math")
REWARD = MathReward()

Pair = tuple[str, str]


def easy_items(count: int = 800, seed: int = 0) -> list[Pair]:
    """Completions of 1 to 2 KB that end in a box, with their references; half of them right."""
    source = random.Random(seed)
    items = []
    for _ in range(count):
        answer = source.randint(0, 10_000)
        reference = answer if source.random() < 0.5 else answer + source.randint(1, 9)
        length, text = source.randint(1_000, 2_000), ""
        while len(text) < length:
            text += source.choice(SENTENCES) + "\n"
        items.append((f"{text}The final answer is $\\boxed{{{answer}}}$.", str(reference)))
    return items


def mixed_items() -> list[Pair]:
    """The mixed file, where it lies beside the repository."""
    rows = [json.loads(line) for line in MIXED.read_text().splitlines()] if MIXED.exists() else []
    return [(row["completion"], row["gold"]) for row in rows if row["category"] != "adv_resource"]


def ours(completion: str, reference: str) -> None:
    """One item."""
    REWARD.score(Sample(completion=completion, reference={"answer": reference}), PARAMETERS)


def theirs(completion: str, reference: str) -> None:
    """One item, as math-verify's README recommends."""
    math_verify.verify(math_verify.parse(f"${reference}$"), math_verify.parse(completion))


def rate(grade: Callable[[str, str], None], items: list[Pair]) -> float:
    """Items a CPU second, the best of three rounds."""
    best = 0.0
    for _ in range(3):
        started = time.process_time()
        for completion, reference in items:
            grade(completion, reference)
        best = max(best, len(items) / (time.process_time() - started))
    return best


def main() -> None:
    """Both sets of items."""
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    MathReward.preload()
    sys.stdout.write("| items | ours, items/s | math-verify, items/s | ratio |\n|---|--:|--:|--:|\n")
    for name, items in (("easy", easy_items()), ("mixed", mixed_items())):
        if items:
            mine, other = rate(ours, items), rate(theirs, items)
            sys.stdout.write(
                f"| {name} ({len(items)}) | {mine:,.0f} | {other:,.0f} | {mine / other:.0f}x |\n"
            )


if __name__ == "__main__":
    main()
