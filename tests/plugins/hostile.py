"""Reward types that misbehave as hostile input makes graders misbehave; loaded with ``--plugin`` by tests.

What happens is told by the completion: ``spin``, ``sleep``, ``crash``, ``crash once:PATH`` …, else it scores 1.
"""

from __future__ import annotations

import os
import signal
import time
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
        match sample.completion.partition(" ")[0]:
            case "spin":
                while True:
                    pass
            case "sleep":
                time.sleep(3600)
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "hog":
                block = bytearray(8 << 30)
                return Score(float(len(block)), Verdict.SCORED)
            case "raise":
                raise RuntimeError("a defect")
            case "environment":
                return Score(1.0, Verdict.SCORED, {"environment": dict(os.environ)})
            case "write":
                return _tried(lambda: open(sample.completion.partition(" ")[2], "w").close())
            case "execute":
                return _tried(lambda: os.execv("/bin/true", ["true"]))
            case "spawned-by":
                return Score(float(os.getppid()), Verdict.SCORED)
            case "pid":
                return Score(float(os.getpid()), Verdict.SCORED)
        return Score(1.0, Verdict.SCORED)


def _tried(act: object) -> Score:
    try:
        act()  # type: ignore[operator]
    except OSError as error:
        return Score(0.0, Verdict.SCORED, {"refused": type(error).__name__})
    return Score(1.0, Verdict.SCORED)
