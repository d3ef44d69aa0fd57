"""The forms of ``length`` that judge a completion by itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from verifier.rewards.base import Combinator, Part, Sample, Score
from verifier.rewards.length.measure import measured_length, target_length
from verifier.rewards.length.parameters import Form, LengthParameters
from verifier.schema import JsonObject, RewardSpec, Verdict


class LengthAlone(Combinator[LengthParameters]):
    """``cosine``, ``overlong``, ``l1_exact``, ``l1_max``."""

    type_name = "length"
    Parameters = LengthParameters

    def parts(self, parameters: LengthParameters) -> Mapping[str, RewardSpec]:
        """The reward that says what is right, where the form asks for it."""
        return {} if parameters.correct is None else {"correct": parameters.correct}

    def combine(self, sample: Sample, parts: Mapping[str, Part], parameters: LengthParameters) -> Score:
        """Work out the form's formula."""
        length = measured_length(sample, parameters)
        right = parts["correct"]().value > parameters.above if "correct" in parts else None
        value, more = _FORMULAS[parameters.form](length.count, bool(right), sample, parameters)
        detail: JsonObject = {"form": parameters.form, "length": length.count, "unit": length.unit, **more}
        return Score(value, Verdict.SCORED, detail if right is None else {**detail, "right": right})


Formula = Callable[[int, bool, Sample, LengthParameters], tuple[float, JsonObject]]


def _cosine(
    length: int, right: bool, sample: Sample, parameters: LengthParameters
) -> tuple[float, JsonObject]:
    """r = lo + ½(hi − lo)(1 + cos(π·L/Lmax)); for wrong answers longer is less bad (arXiv 2502.03373, §4.2).

    Past Lmax the curve stays at its end; left running, the cosine would climb again.
    """
    assert parameters.max_length is not None
    if parameters.exceed is not None and length + parameters.margin >= parameters.max_length:
        return parameters.exceed, {"max_length": parameters.max_length, "exceeds": True}
    low, high = (
        (parameters.min_correct, parameters.max_correct)
        if right
        else (parameters.max_wrong, parameters.min_wrong)
    )
    progress = min(1.0, length / parameters.max_length)
    return low + 0.5 * (high - low) * (1.0 + math.cos(math.pi * progress)), {
        "max_length": parameters.max_length
    }


def _overlong(
    length: int, right: bool, sample: Sample, parameters: LengthParameters
) -> tuple[float, JsonObject]:
    """0 up to Lmax − C, (Lmax − C − L)/C up to Lmax, −1 beyond (DAPO, arXiv 2503.14476, eq. 13)."""
    assert parameters.max_length is not None
    assert parameters.cache is not None
    free = parameters.max_length - parameters.cache
    value = max(-1.0, min(0.0, (free - length) / parameters.cache))
    return value, {"free": free, "max_length": parameters.max_length}


def _l1_exact(
    length: int, right: bool, sample: Sample, parameters: LengthParameters
) -> tuple[float, JsonObject]:
    """−α·|n* − n| (L1, arXiv 2503.04697, eq. 1); the reward for being right is added beside it."""
    target = target_length(sample)
    return 0.0 - parameters.strength * abs(target - length), {"target": target}


def _l1_max(
    length: int, right: bool, sample: Sample, parameters: LengthParameters
) -> tuple[float, JsonObject]:
    """1[right]·clip(α(n* − n) + δ, 0, 1) (L1, arXiv 2503.04697, eq. 2)."""
    target = target_length(sample)
    value = min(1.0, max(0.0, parameters.strength * (target - length) + parameters.delta))
    return value if right else 0.0, {"target": target}


_FORMULAS: dict[Form, Formula] = {
    "cosine": _cosine,
    "overlong": _overlong,
    "l1_exact": _l1_exact,
    "l1_max": _l1_max,
}
