"""``reasoning_steps``: does the text show its steps? min(1, n / ``target``), n the number of step marks.

Open-R1's ``reasoning_steps`` (huggingface/open-r1, ``rewards.py``), target 3. Step marks are ``Step 3:``,
``First,``, ``Second,``, ``Next,``, ``Finally,``, and lines that begin with ``1.``, ``-`` or ``*``.
"""

from __future__ import annotations

from typing import Annotated, Literal

import re2
from pydantic import Field

from verifier.rewards.base import ItemReward, RewardParameters, Sample, Score
from verifier.schema import Verdict

_STEP = re2.compile(r"Step \d+:|(?m:^)(?:\d+\.|-|\*)|First,|Second,|Next,|Finally,")


class ReasoningStepsParameters(RewardParameters):
    """How many steps are enough."""

    type: Literal["reasoning_steps"]
    target: Annotated[int, Field(ge=1, le=1000)] = 3


class ReasoningStepsReward(ItemReward[ReasoningStepsParameters]):
    """The share of ``target`` step marks, at most 1."""

    type_name = "reasoning_steps"
    Parameters = ReasoningStepsParameters

    def score(self, sample: Sample, parameters: ReasoningStepsParameters) -> Score:
        """Count the marks of the whole completion."""
        steps = sum(1 for _ in _STEP.finditer(sample.completion))
        return Score(min(1.0, steps / parameters.target), Verdict.SCORED, {"steps": steps})
