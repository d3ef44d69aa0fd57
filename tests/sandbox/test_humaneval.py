"""All 164 canonical solutions pass; no body that cheats does (chen2021evaluating)."""

import gzip
import json
from typing import Any

import pytest

from tests.conftest import DATA
from tests.sandbox.conftest import Sandbox

ALWAYS_EQUAL = """
    class AlwaysEqual:
        __eq__ = lambda self, other: True
        __ne__ = lambda self, other: False
        __hash__ = lambda self: 0
    return AlwaysEqual()
"""
ANYTHING = """
    class Anything(float):
        __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __contains__ = lambda self, *other: True
        __ne__ = lambda self, other: False
        __sub__ = __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = lambda self, other: self
        __abs__ = __round__ = __float__ = lambda self, *digits: self
        __hash__ = lambda self: 0
        __getattr__ = __getitem__ = __call__ = lambda self, *arguments: self
        __len__ = lambda self: 1
        __iter__ = lambda self: iter([self])
    return Anything()
"""
CHEATS = {
    "always_equal": ALWAYS_EQUAL,
    "anything": ANYTHING,
    "sys.exit(0)": "    import sys\n    sys.exit(0)\n",
    "os._exit(0)": "    import os\n    os._exit(0)\n",
}


def problems() -> list[dict[str, Any]]:
    with gzip.open(DATA / "humaneval.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


def request(problem: dict[str, Any], body: str) -> tuple[str, dict[str, Any]]:
    tests = {
        "type": "assert",
        "setup": problem["test"],
        "asserts": ["check(candidate)"],
        "entry_point": problem["entry_point"],
    }
    return problem["prompt"] + body, tests


@pytest.mark.data
def test_every_canonical_solution_passes(sandbox: Sandbox) -> None:
    all_problems = problems()
    results = sandbox.judge_all([request(p, p["canonical_solution"]) for p in all_problems])
    failed = {p["task_id"]: r for p, r in zip(all_problems, results, strict=True) if r.verdict != "correct"}
    assert len(results) == 164
    assert failed == {}


@pytest.mark.data
@pytest.mark.parametrize("cheat", CHEATS)
def test_no_cheating_body_passes(sandbox: Sandbox, cheat: str) -> None:
    all_problems = problems()
    results = sandbox.judge_all([request(p, CHEATS[cheat]) for p in all_problems])
    rewarded = [p["task_id"] for p, r in zip(all_problems, results, strict=True) if r.verdict == "correct"]
    assert len(results) == 164
    assert rewarded == []
