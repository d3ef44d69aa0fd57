"""Right and wrong verdicts by category, of this project and of math-verify used as its README recommends.

    python benchmarks/math_accuracy.py

Cases: the project's own (``tests/verifier/rewards/math/cases``) and, where it lies beside the repository, the
mixed file ``../shared/data/math_cases.jsonl`` (verdicts that are a matter of policy left out). Both graders
see the same completions in the same process, one after the other. Own cases of the category ``resource`` are
left out: on some of them math-verify alone, without a process that can be killed, does not return. Prints
Markdown.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import math_verify

from verifier.errors import ItemInvalid
from verifier.rewards.base import Sample
from verifier.rewards.math import MathReward
from verifier.rewards.math.parameters import MathParameters

ROOT = Path(__file__).resolve().parents[1]
OWN = ROOT / "tests" / "verifier" / "rewards" / "math" / "cases"
MIXED = ROOT.parent / "shared" / "data" / "math_cases.jsonl"


@dataclass(frozen=True)
class Case:
    """A completion, its reference, and whether it is right."""

    category: str
    reference: str
    completion: str
    is_right: bool


@dataclass
class Tally:
    """What one grader made of the cases of one category."""

    cases: int = 0
    false_positives: int = 0
    false_negatives: int = 0
    times: list[float] = field(default_factory=list)
    stages: Counter[str] = field(default_factory=Counter)

    @property
    def seconds(self) -> float:
        return sum(self.times)

    @property
    def median_ms(self) -> float:
        return 1000 * median(self.times)

    @property
    def accuracy(self) -> float:
        return 1 - (self.false_positives + self.false_negatives) / self.cases


def own_cases() -> Iterator[Case]:
    """The literal cases of the test suite."""
    for path in sorted(set(OWN.glob("*.jsonl")) - {OWN / "resource.jsonl"}):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            for answers, is_right in ((row["equal"], True), (row["different"], False)):
                for answer in answers:
                    yield Case(
                        path.stem, row["reference"], f"So the answer is $\\boxed{{{answer}}}$.", is_right
                    )


def mixed_cases() -> Iterator[Case]:
    """The mixed file, without matters of policy."""
    for line in MIXED.read_text().splitlines():
        row = json.loads(line)
        if not row["policy"]:
            yield Case(row["category"], row["gold"], row["completion"], row["expected"])


PARAMETERS = MathParameters(type="math")
REWARD = MathReward()


def ours(case: Case) -> tuple[bool, str]:
    """Our verdict and the stage that decided."""
    sample = Sample(completion=case.completion, reference={"answer": case.reference})
    try:
        score = REWARD.score(sample, PARAMETERS)
    except ItemInvalid:
        return False, "invalid"
    return score.value == 1.0, str(score.detail["method"])


def theirs(case: Case) -> tuple[bool, str]:
    """math-verify's verdict; its own timeouts on, as they are by default."""
    gold = math_verify.parse(f"${case.reference}$")
    return bool(math_verify.verify(gold, math_verify.parse(case.completion))), ""


def tally(cases: list[Case], grader: Callable[[Case], tuple[bool, str]]) -> dict[str, Tally]:
    """One grader over all cases, by category and in all."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    for case in cases:
        started = time.process_time()
        verdict, stage = grader(case)
        seconds = time.process_time() - started
        for name in (case.category, "all"):
            entry = tallies[name]
            entry.cases += 1
            entry.false_positives += verdict and not case.is_right
            entry.false_negatives += case.is_right and not verdict
            entry.times.append(seconds)
            entry.stages[stage] += 1
    return tallies


def report(title: str, cases: list[Case]) -> None:
    """The table of one set of cases."""
    mine, other = tally(cases, ours), tally(cases, theirs)
    right = sum(case.is_right for case in cases)
    write(f"### {title}: {len(cases)} cases, {right} of them right\n")
    write("| category | cases | ours: false + | false − | math-verify: false + | false − |")
    write("|---|--:|--:|--:|--:|--:|")
    for name in sorted(mine, key=lambda name: (name == "all", name)):
        a, b = mine[name], other[name]
        write(
            f"| {name} | {a.cases} | {a.false_positives} | {a.false_negatives} "
            f"| {b.false_positives} | {b.false_negatives} |"
        )
    a, b = mine["all"], other["all"]
    write(f"\nAccuracy {a.accuracy:.3f} against {b.accuracy:.3f}; ", end="")
    write(f"{a.cases / a.seconds:,.0f} against {b.cases / b.seconds:,.0f} cases a CPU second ", end="")
    write(
        f"({b.seconds / a.seconds:.0f}x); at the median {a.median_ms:.2f} ms against {b.median_ms:.2f} ms ",
        end="",
    )
    write(f"({b.median_ms / a.median_ms:.0f}x). Decided by: ", end="")
    write(", ".join(f"{stage} {count / a.cases:.1%}" for stage, count in a.stages.most_common()) + ".\n")


def write(text: str, end: str = "\n") -> None:
    """To standard output."""
    sys.stdout.write(text + end)


def main() -> None:
    """Both sets of cases."""
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    MathReward.preload()
    if MIXED.exists():
        report("Mixed file", list(mixed_cases()))
    report("Own cases", list(own_cases()))


if __name__ == "__main__":
    main()
