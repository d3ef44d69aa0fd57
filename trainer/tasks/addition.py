"""Addition of two numbers, answered as `<think>digits from the last to the
first</think><answer>sum</answer>`.

Thinking in reversed digits makes each step local (two digits and a carry). The traces for the cold start
are noisy in digits and tags, so that supervised training teaches the form and leaves the sums to be learnt
from rewards.
"""

import functools
import random
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from trainer.tasks.base import Problem, Trace

HELD_OUT_SEED = "held out"


class Addition(BaseModel):
    """Addition of two numbers with a fixed count of digits."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: Literal["addition"] = "addition"
    digits: int = Field(default=2, ge=1, le=6)
    """Digits of each operand"""
    held_out_problems: int = Field(default=512, ge=1)
    """Problems kept for evaluation"""
    digit_noise: float = Field(default=0.3, ge=0, le=1)
    """Share of traces with a wrong digit"""
    tag_noise: float = Field(default=0.2, ge=0, le=1)
    """Share of traces that lack a tag"""

    def problem(self, seed: int, index: int) -> Problem:
        """A training problem."""
        return self._fresh(random.Random(f"problem {seed} {index}"))

    def held_out(self) -> list[Problem]:
        """The evaluation problems, all different."""
        return list(_held_out(self.digits, self.held_out_problems).values())

    def trace(self, seed: int, index: int) -> Trace:
        """A noisy worked example."""
        rng = random.Random(f"trace {seed} {index}")
        problem = self._fresh(rng)
        digits = list(reversed(problem.reference["answer"]))
        if rng.random() < self.digit_noise:
            digits[rng.randrange(len(digits))] = rng.choice("0123456789")
        parts = ["<think>", *digits, "</think>", "<answer>", *reversed(digits), "</answer>"]
        if rng.random() < self.tag_noise:
            parts.remove(rng.choice(["<think>", "</think>", "<answer>", "</answer>"]))
        return Trace(problem.prompt, "".join(parts))

    def vocabulary(self) -> Sequence[str]:
        """Tags, digits and signs."""
        return ["<think>", "</think>", "<answer>", "</answer>", *"0123456789+="]

    def _fresh(self, rng: random.Random) -> Problem:
        held_out = _held_out(self.digits, self.held_out_problems)
        while (problem := _draw(rng, self.digits)).id in held_out:
            pass
        return problem


def _draw(rng: random.Random, digits: int) -> Problem:
    a, b = rng.randrange(10**digits), rng.randrange(10**digits)
    prompt = f"{a:0{digits}d}+{b:0{digits}d}="
    return Problem(id=prompt, prompt=prompt, reference={"answer": str(a + b)})


@functools.lru_cache(maxsize=4)
def _held_out(digits: int, count: int) -> dict[str, Problem]:
    if 2 * count > 100**digits:
        raise ValueError(f"held_out_problems = {count} leaves too few of {100**digits} problems to train on")
    rng, problems = random.Random(HELD_OUT_SEED), dict[str, Problem]()
    while len(problems) < count:
        problem = _draw(rng, digits)
        problems[problem.id] = problem
    return problems
