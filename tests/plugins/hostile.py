"""A reward type that misbehaves as hostile input makes graders misbehave; loaded with ``--plugin`` by tests.

The completion's first word tells what happens (``ACTS`` below); with any other it scores 1.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from verifier.rewards.base import ItemReward, RewardParameters, Sample, Score
from verifier.schema import Verdict


class HostileParameters(RewardParameters):
    """None of its own."""

    type: Literal["hostile"]


class HostileReward(ItemReward[HostileParameters]):
    """Does to its worker what the completion says."""

    type_name = "hostile"
    isolated = True
    Parameters = HostileParameters

    def score(self, sample: Sample, parameters: HostileParameters) -> Score:
        """Misbehave, or score 1."""
        act, _, argument = sample.completion.partition(" ")
        return ACTS[act](argument) if act in ACTS else Score(1.0, Verdict.SCORED)


def spin(_: str) -> Score:
    while True:
        pass


def sleep(_: str) -> Score:
    time.sleep(3600)
    return Score(1.0, Verdict.SCORED)


def crash(_: str) -> Score:
    os.kill(os.getpid(), signal.SIGSEGV)
    return Score(1.0, Verdict.SCORED)


def hog(_: str) -> Score:
    return Score(float(len(bytearray(8 << 30))), Verdict.SCORED)


def recurse(argument: str) -> Score:
    return recurse(argument)


def fail(_: str) -> Score:
    raise RuntimeError("a defect")


def show_environment(_: str) -> Score:
    return Score(1.0, Verdict.SCORED, {"environment": dict(os.environ)})


def write(path: str) -> Score:
    return _tried(lambda: Path(path).touch())


def execute(_: str) -> Score:
    return _tried(lambda: os.execv("/bin/true", ["true"]))


def _tried(act: Callable[[], object]) -> Score:
    try:
        act()
    except OSError as error:
        return Score(0.0, Verdict.SCORED, {"refused": type(error).__name__})
    return Score(1.0, Verdict.SCORED)


ACTS: dict[str, Callable[[str], Score]] = {
    "spin": spin,
    "sleep": sleep,
    "crash": crash,
    "hog": hog,
    "recurse": recurse,
    "raise": fail,
    "environment": show_environment,
    "write": write,
    "execute": execute,
    "pid": lambda _: Score(float(os.getpid()), Verdict.SCORED),
    "spawned-by": lambda _: Score(float(os.getppid()), Verdict.SCORED),
}
