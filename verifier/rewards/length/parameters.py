"""The parameters of ``length``: what all forms share, and each form's own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from verifier.rewards.base import RewardParameters
from verifier.schema import RewardSpec

Form = Literal["cosine", "overlong", "l1_exact", "l1_max", "kimi", "efficient"]
Unit = Literal["tokens", "words", "characters"]

_OF_FORM: dict[Form, frozenset[str]] = {
    "cosine": frozenset(
        {
            "correct",
            "above",
            "max_length",
            "min_correct",
            "max_correct",
            "min_wrong",
            "max_wrong",
            "exceed",
            "margin",
        }
    ),
    "overlong": frozenset({"max_length", "cache"}),
    "l1_exact": frozenset({"alpha"}),
    "l1_max": frozenset({"correct", "above", "alpha", "delta"}),
    "kimi": frozenset({"correct", "above"}),
    "efficient": frozenset({"correct", "above", "alpha"}),
}
_SHARED = frozenset({"type", "name", "weight", "form", "unit", "without_tokens"})
_ALPHA: dict[Form, float] = {"l1_exact": 3e-4, "l1_max": 3e-4, "efficient": 0.1}


class LengthParameters(RewardParameters):
    """``form`` says which; a parameter that the form does not read is refused."""

    type: Literal["length"]
    form: Form
    unit: Unit = "tokens"
    """What is counted; ``tokens`` are the item's ``completion_tokens``."""
    without_tokens: Literal["words", "characters"] | None = None
    """What is counted instead where an item has no ``completion_tokens``; by default it is ``invalid``."""
    correct: RewardSpec | None = None
    """The reward that says whether the completion is right."""
    above: float = 0.5
    """It is right when that reward scores above this."""
    max_length: Annotated[int, Field(ge=1)] | None = None
    """Lmax of ``cosine`` and ``overlong``."""
    cache: Annotated[int, Field(ge=1)] | None = None
    """C of ``overlong``: the stretch before Lmax over which the penalty grows."""
    min_correct: float = 0.5
    max_correct: float = 1.0
    min_wrong: float = -1.0
    max_wrong: float = -0.5
    exceed: float | None = None
    """The value of a completion within ``margin`` of Lmax; by default the cosine's own end."""
    margin: Annotated[int, Field(ge=0)] = 16
    alpha: Annotated[float, Field(ge=0)] | None = None
    """α: 3e-4 for ``l1_exact`` and ``l1_max``, .1 for ``efficient``."""
    delta: float = 0.5
    """δ of ``l1_max``: the value of a right completion of exactly the length asked for."""

    @property
    def strength(self) -> float:
        """α, or what the form's paper has for it."""
        return _ALPHA[self.form] if self.alpha is None else self.alpha

    @model_validator(mode="after")
    def _fits_its_form(self) -> LengthParameters:
        takes = _OF_FORM[self.form]
        foreign = sorted(self.model_fields_set - takes - _SHARED)
        if foreign:
            raise ValueError(f"'{foreign[0]}' is no parameter of the form '{self.form}'")
        for needed in ("correct", "max_length", "cache"):
            if needed in takes and getattr(self, needed) is None:
                raise ValueError(f"the form '{self.form}' needs '{needed}'")
        if self.cache is not None and self.max_length is not None and self.cache > self.max_length:
            raise ValueError("'cache' must not exceed 'max_length'")
        return self
