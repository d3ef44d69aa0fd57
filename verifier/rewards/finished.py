"""``finished``: did the completion end by itself? 1, or 0 where it was cut off.

Open-Reasoner-Zero rewards only what stopped by itself; Tülu 3 takes 10 points from what has no end-of-text
token; DAPO masks it. Reads ``finish_reason``: ``stop`` (and ``tool_calls``) ended, anything else was cut.
"""

from __future__ import annotations

from typing import Literal

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.base import ItemReward, RewardParameters, Sample, Score
from verifier.schema import Verdict

_ENDED = frozenset({"stop", "eos", "end_turn", "tool_calls"})


class FinishedParameters(RewardParameters):
    """What an item without ``finish_reason`` is."""

    type: Literal["finished"]
    when_unknown: Literal["finished", "cut", "invalid"] = "finished"


class FinishedReward(ItemReward[FinishedParameters]):
    """1 when ``finish_reason`` says the model stopped, else 0."""

    type_name = "finished"
    Parameters = FinishedParameters

    def score(self, sample: Sample, parameters: FinishedParameters) -> Score:
        """Read the reason."""
        reason = sample.finish_reason
        if reason is None and parameters.when_unknown == "invalid":
            raise ItemInvalid(
                ErrorCode.UNUSABLE_PARAMETER, "the item has no 'finish_reason', and 'finished' needs it"
            )
        ended = parameters.when_unknown == "finished" if reason is None else reason in _ENDED
        return Score(1.0 if ended else 0.0, Verdict.SCORED, {"finish_reason": reason})
