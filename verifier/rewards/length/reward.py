"""The type ``length``: hands each form to the kind of reward that it is."""

from __future__ import annotations

from verifier.rewards.base import Reward
from verifier.rewards.length.alone import LengthAlone
from verifier.rewards.length.grouped import LengthInGroup
from verifier.rewards.length.parameters import LengthParameters


class LengthReward(Reward[LengthParameters]):
    """A published function of the completion's length, and in most forms of whether it is right."""

    type_name = "length"
    Parameters = LengthParameters

    def form(self, parameters: LengthParameters) -> Reward[LengthParameters]:
        """Relative to the group, or by itself."""
        return _IN_GROUP if parameters.form in ("kimi", "efficient") else _ALONE


_ALONE = LengthAlone()
_IN_GROUP = LengthInGroup()
