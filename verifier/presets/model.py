"""What a preset's file holds, and the reading of those files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from verifier.schema import JsonObject, RewardSpec

FOLDER = Path(__file__).parent
MIN_CASES = 10


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Parameter(_Record):
    """One value of a recipe that a request may change."""

    doc: str
    default: bool | int | float | str
    """Gives the type as well; an integer default takes integers only."""
    minimum: float | None = None
    maximum: float | None = None
    choices: dict[str, Any] | None = None
    """The values it may take (strings), and what each puts into the rewards."""


class GoldenCase(_Record):
    """One completion, with the value that the published system gives it."""

    completion: str
    reward: float
    why: str
    reference: JsonObject | None = None
    finish_reason: str | None = None
    completion_tokens: int | None = None
    metadata: JsonObject = Field(default_factory=dict)
    params: JsonObject = Field(default_factory=dict)
    group: str | None = None
    """Cases of one group are scored in one request, as completions of one prompt."""
    sandbox: bool = False
    """True where the judging runs the completion's code."""


class Preset(_Record):
    """One published reward system."""

    system: str
    """Its name as its authors write it."""
    paper: str
    code: str | None = None
    """Its public code, at the commit that was read."""
    algorithm: str
    sampling: str
    data: str
    summary: str
    """What is rewarded, in a few sentences."""
    reference: str
    """What ``reference`` must hold."""
    differences: list[str] = Field(default_factory=list)
    """Where it leaves the public code, and why: defects that are not reproduced."""
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    rewards: Annotated[list[RewardSpec], Field(min_length=1)]
    cases: list[GoldenCase] = Field(default_factory=list)
    unchecked: str | None = None
    """Which values could not be checked against a source; such a preset has no golden cases."""

    @model_validator(mode="after")
    def _shown_or_said(self) -> Preset:
        if self.unchecked is None and len(self.cases) < MIN_CASES:
            raise ValueError(f"needs {MIN_CASES} golden cases, or to say what is 'unchecked'")
        if self.unchecked is not None and self.cases:
            raise ValueError("golden cases are for values that were checked")
        return self


@cache
def load_presets() -> Mapping[str, Preset]:
    """Every preset, by the name of its file."""
    return {
        path.stem: Preset.model_validate(tomllib.loads(path.read_text("utf-8")))
        for path in sorted(FOLDER.glob("*.toml"))
    }
