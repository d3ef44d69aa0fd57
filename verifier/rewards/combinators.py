"""Rewards that hold rewards: ``all_of``, ``any_of``, ``gate``, ``switch``, ``scale``, ``clip``.

Published systems differ less in what they check than in how they join the checks: an answer that only counts
when the format holds, +1/−1 instead of 1/0, one grader for mathematics and another for code. These six say
so in the request. A part that is not asked for is never run, and a part without a score (``invalid``,
``error``) that is asked for leaves the whole without one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.base import Combinator, Part, RewardParameters, Sample, Score
from verifier.schema import JsonObject, RewardSpec

Parts = Annotated[list[RewardSpec], Field(min_length=1, max_length=16)]


def explain(score: Score) -> JsonObject:
    """A part's score as it stands in the detail of the whole."""
    return {"score": score.value, "verdict": score.verdict, "detail": score.detail}


class SeveralParameters(RewardParameters):
    """The rewards that are joined."""

    of: Parts


class AllOfParameters(SeveralParameters):
    """``of``: at least one reward."""

    type: Literal["all_of"]


class AnyOfParameters(SeveralParameters):
    """``of``: at least one reward."""

    type: Literal["any_of"]


def _extreme(parts: Mapping[str, Part], sign: int) -> Score:
    scores = {path: part() for path, part in parts.items()}
    decisive = max(scores, key=lambda path: sign * scores[path].value)
    detail = {"decided_by": decisive, "parts": {path: explain(score) for path, score in scores.items()}}
    return Score(scores[decisive].value, scores[decisive].verdict, detail)


class AllOfReward(Combinator[AllOfParameters]):
    """The least of the scores: of 1/0 rewards, whether all hold. The verdict is that of the least."""

    type_name = "all_of"
    Parameters = AllOfParameters

    def parts(self, parameters: AllOfParameters) -> Mapping[str, RewardSpec]:
        """Every reward of ``of``."""
        return {f"of.{index}": spec for index, spec in enumerate(parameters.of)}

    def combine(self, sample: Sample, parts: Mapping[str, Part], parameters: AllOfParameters) -> Score:
        """The least score."""
        return _extreme(parts, -1)


class AnyOfReward(Combinator[AnyOfParameters]):
    """The greatest of the scores: of 1/0 rewards, whether one holds. The verdict is that of the greatest."""

    type_name = "any_of"
    Parameters = AnyOfParameters

    def parts(self, parameters: AnyOfParameters) -> Mapping[str, RewardSpec]:
        """Every reward of ``of``."""
        return {f"of.{index}": spec for index, spec in enumerate(parameters.of)}

    def combine(self, sample: Sample, parts: Mapping[str, Part], parameters: AnyOfParameters) -> Score:
        """The greatest score."""
        return _extreme(parts, 1)


class GateParameters(RewardParameters):
    """``if`` one reward holds, ``then`` another counts, ``else`` a number."""

    type: Literal["gate"]
    condition: RewardSpec = Field(alias="if")
    then: RewardSpec
    otherwise: float = Field(default=0.0, alias="else")
    above: float = 0.5
    """The condition holds when its score is greater than this."""


class GateReward(Combinator[GateParameters]):
    """The score of ``then`` where ``if`` scores above ``above``, else the number ``else``.

    A closed gate bears the verdict of its condition, and ``then`` is not run: a completion without the format
    costs no jail.
    """

    type_name = "gate"
    Parameters = GateParameters

    def parts(self, parameters: GateParameters) -> Mapping[str, RewardSpec]:
        """The condition and what it guards."""
        return {"if": parameters.condition, "then": parameters.then}

    def combine(self, sample: Sample, parts: Mapping[str, Part], parameters: GateParameters) -> Score:
        """Judge by the condition, then perhaps by what it guards."""
        condition = parts["if"]()
        if condition.value <= parameters.above:
            return Score(
                parameters.otherwise, condition.verdict, {"open": False, "parts": {"if": explain(condition)}}
            )
        guarded = parts["then"]()
        detail = {"open": True, "parts": {"if": explain(condition), "then": explain(guarded)}}
        return Score(guarded.value, guarded.verdict, detail)


class SwitchParameters(RewardParameters):
    """Which field of the item's metadata chooses, and what it chooses among."""

    type: Literal["switch"]
    on: Annotated[str, Field(pattern=r"^metadata(\.[^.]{1,100}){1,8}$")]
    """A path into the item's metadata: ``metadata.ability``."""
    cases: Annotated[dict[str, RewardSpec], Field(min_length=1, max_length=64)]
    default: RewardSpec | None = None
    """For any other value, and for none."""


class SwitchReward(Combinator[SwitchParameters]):
    """The score of the reward that a field of ``metadata`` chooses.

    Only the chosen reward is run. A value that no case names takes ``default``; without one the item is
    ``invalid``.
    """

    type_name = "switch"
    Parameters = SwitchParameters

    def parts(self, parameters: SwitchParameters) -> Mapping[str, RewardSpec]:
        """Every case, and the default."""
        parts = {f"cases.{value}": spec for value, spec in parameters.cases.items()}
        return parts if parameters.default is None else {**parts, "default": parameters.default}

    def combine(self, sample: Sample, parts: Mapping[str, Part], parameters: SwitchParameters) -> Score:
        """Judge by the chosen case."""
        chosen = f"cases.{_value_at(sample.metadata, parameters.on)}"
        if chosen not in parts:
            chosen = "default"
        if chosen not in parts:
            raise ItemInvalid(
                ErrorCode.UNUSABLE_PARAMETER,
                f"the item's '{parameters.on}' names none of the cases, and the switch has no 'default'",
            )
        score = parts[chosen]()
        return Score(score.value, score.verdict, {"case": chosen, "parts": {chosen: explain(score)}})


def _value_at(metadata: JsonObject, path: str) -> str | None:
    """The string at ``metadata.a.b``, or None where there is none."""
    value: object = metadata
    for key in path.split(".")[1:]:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


class ScaleParameters(RewardParameters):
    """A line through the score."""

    type: Literal["scale"]
    of: RewardSpec
    factor: float = 1.0
    offset: float = 0.0
    exponent: Annotated[float, Field(gt=0, le=16)] = 1.0
    """Raises the score first; for scores of 0 and more."""


class ScaleReward(Combinator[ScaleParameters]):
    """``factor`` · score^``exponent`` + ``offset``: ``factor`` 2, ``offset`` −1 makes 1/0 into +1/−1."""

    type_name = "scale"
    Parameters = ScaleParameters

    def parts(self, parameters: ScaleParameters) -> Mapping[str, RewardSpec]:
        """The one reward."""
        return {"of": parameters.of}

    def combine(self, sample: Sample, parts: Mapping[str, Part], parameters: ScaleParameters) -> Score:
        """The score on the line."""
        score = parts["of"]()
        value = score.value
        if parameters.exponent != 1.0:
            if value < 0:
                raise ItemInvalid(ErrorCode.UNUSABLE_PARAMETER, "'exponent' takes no negative score")
            value = value**parameters.exponent
        value = parameters.factor * value + parameters.offset
        if not math.isfinite(value):
            raise ItemInvalid(ErrorCode.UNUSABLE_PARAMETER, "'factor' and 'offset' lead beyond all numbers")
        return Score(value, score.verdict, {"parts": {"of": explain(score)}})


class ClipParameters(RewardParameters):
    """Bounds of the score; at least one."""

    type: Literal["clip"]
    of: RewardSpec
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _bounded(self) -> ClipParameters:
        if self.low is None and self.high is None:
            raise ValueError("give 'low', 'high' or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("'low' must not be above 'high'")
        return self


class ClipReward(Combinator[ClipParameters]):
    """The score, held between ``low`` and ``high``."""

    type_name = "clip"
    Parameters = ClipParameters

    def parts(self, parameters: ClipParameters) -> Mapping[str, RewardSpec]:
        """The one reward."""
        return {"of": parameters.of}

    def combine(self, sample: Sample, parts: Mapping[str, Part], parameters: ClipParameters) -> Score:
        """The score within its bounds."""
        score = parts["of"]()
        value = score.value
        if parameters.low is not None:
            value = max(value, parameters.low)
        if parameters.high is not None:
            value = min(value, parameters.high)
        return Score(value, score.verdict, {"parts": {"of": explain(score)}})
