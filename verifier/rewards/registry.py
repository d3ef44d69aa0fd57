"""Reward types by name, and the reading of a reward's specification."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from verifier.errors import ErrorCode, FieldError, RequestInvalid
from verifier.rewards import plugins
from verifier.rewards.base import Combinator, GroupReward, Reward, RewardParameters
from verifier.schema import RewardSpec

BUILTIN: tuple[str, ...] = (
    "verifier.rewards.math:MathReward",
    "verifier.rewards.code:CodeReward",
    "verifier.rewards.format:FormatReward",
    "verifier.rewards.tag_count:TagCountReward",
    "verifier.rewards.reasoning_steps:ReasoningStepsReward",
    "verifier.rewards.finished:FinishedReward",
    "verifier.rewards.choice:ChoiceReward",
    "verifier.rewards.exact:ExactReward",
    "verifier.rewards.numeric:NumericReward",
    "verifier.rewards.contains:ContainsReward",
    "verifier.rewards.f1:F1Reward",
    "verifier.rewards.length:LengthReward",
    "verifier.rewards.repetition:RepetitionReward",
    "verifier.rewards.combinators:AllOfReward",
    "verifier.rewards.combinators:AnyOfReward",
    "verifier.rewards.combinators:GateReward",
    "verifier.rewards.combinators:SwitchReward",
    "verifier.rewards.combinators:ScaleReward",
    "verifier.rewards.combinators:ClipReward",
    "verifier.rewards.by_verdict:ByVerdictReward",
    "verifier.rewards.sql:SqlReward",
    "verifier.rewards.sql:SqlLengthReward",
    "verifier.rewards.instruction:InstructionReward",
    "verifier.rewards.json:JsonReward",
    "verifier.rewards.tool_call:ToolCallReward",
    "verifier.rewards.similarity:SimilarityReward",
    "verifier.rewards.iou:IouReward",
    "verifier.rewards.translation:BleuReward",
    "verifier.rewards.translation:ChrfReward",
    "verifier.rewards.language:LanguageReward",
    "verifier.rewards.code_credit:CodeCreditReward",
    "verifier.rewards.countdown:CountdownReward",
    "verifier.rewards.knights_knaves:KnightsKnavesReward",
    "verifier.rewards.sudoku:SudokuReward",
    "verifier.rewards.judge:JudgeReward",
)


MAX_DEPTH = 8
"""How deep rewards may hold rewards."""

_loaded_files: set[Path] = set()


@dataclass(frozen=True, slots=True)
class BoundReward:
    """A reward type with the parameters of one request."""

    name: str
    weight: float
    reward: Reward[Any]
    parameters: RewardParameters
    key: bytes
    """The specification as canonical JSON, less what does not touch the score: equal keys score alike."""
    parts: Mapping[str, BoundReward]
    """The rewards that it holds, by their path in its parameters."""

    def walk(self) -> Iterator[BoundReward]:
        """This reward and all that it holds."""
        yield self
        for part in self.parts.values():
            yield from part.walk()


@cache
def _types() -> dict[str, Reward[Any]]:
    types: dict[str, Reward[Any]] = {}
    for entry in BUILTIN:
        module, _, name = entry.partition(":")
        _add(types, getattr(import_module(module), name)())
    for reward in plugins.from_entry_points():
        _add(types, reward)
    return types


def reward_types() -> Mapping[str, Reward[Any]]:
    """Every reward type by its name: the project's own, and those of plugins."""
    return _types()


def load_plugins(files: Iterable[Path]) -> None:
    """Add the reward types that these files define; a file already loaded is passed over.

    Raises:
        PluginUnusable: a file defines no reward type, or one whose name is taken.
    """
    for file in files:
        if file.resolve() not in _loaded_files:
            for reward in plugins.from_file(file):
                _add(_types(), reward)
            _loaded_files.add(file.resolve())


def _add(types: dict[str, Reward[Any]], reward: Reward[Any]) -> None:
    if reward.type_name in types:
        raise plugins.PluginUnusable(f"a reward type '{reward.type_name}' exists already; name it otherwise")
    types[reward.type_name] = reward


def parse_reward(spec: RewardSpec, path: str, depth: int = 0) -> BoundReward:
    """The reward that a specification names, with its parameters and those of its parts checked.

    Raises:
        RequestInvalid: unknown type, unknown parameter, one of the wrong type, or nested too deeply.
    """
    if depth > MAX_DEPTH:
        raise _refused(path, f"rewards hold rewards at most {MAX_DEPTH} deep")
    reward = _reward_type(spec, path)
    try:
        parameters = reward.Parameters.model_validate(spec)
    except ValidationError as error:
        raise RequestInvalid(
            ErrorCode.VALIDATION_FAILED,
            f"the parameters of reward '{reward.type_name}' are not as they must be",
            list(field_errors(error, path)),
        ) from None
    reward = reward.form(parameters)
    held: Mapping[str, RewardSpec] = {}
    if isinstance(reward, Combinator | GroupReward):
        held = reward.parts(parameters)
    judged = {name: value for name, value in spec.items() if name not in ("name", "weight")}
    return BoundReward(
        name=parameters.name or reward.type_name,
        weight=parameters.weight,
        reward=reward,
        parameters=parameters,
        key=orjson.dumps(judged, option=orjson.OPT_SORT_KEYS),
        parts={field: parse_reward(part, f"{path}.{field}", depth + 1) for field, part in held.items()},
    )


def parse_rewards(specs: Sequence[RewardSpec], path: str) -> list[BoundReward]:
    """The rewards of one list, whose names must differ.

    Raises:
        RequestInvalid: see ``parse_reward``; or two components of one name.
    """
    bound = [parse_reward(spec, f"{path}.{index}") for index, spec in enumerate(specs)]
    seen: set[str] = set()
    for index, component in enumerate(bound):
        if component.name in seen:
            raise _refused(
                f"{path}.{index}.name",
                "two rewards of one list have this name; give each a 'name' of its own",
            )
        seen.add(component.name)
    return bound


def field_errors(error: ValidationError, prefix: str = "") -> Iterator[FieldError]:
    """pydantic's findings as paths and messages, without the values that were sent."""
    for finding in error.errors(include_input=False, include_url=False, include_context=False):
        parts = ([prefix] if prefix else []) + [str(part) for part in finding["loc"]]
        yield FieldError(path=".".join(parts), message=finding["msg"])


def _reward_type(spec: RewardSpec, path: str) -> Reward[Any]:
    name = spec.get("type")
    if not isinstance(name, str):
        raise _refused(f"{path}.type", "every reward needs a 'type': one of those that GET /rewards lists")
    reward = reward_types().get(name)
    if reward is None:
        raise _refused(f"{path}.type", "no reward type of this name; GET /rewards lists them")
    return reward


def _refused(path: str, message: str) -> RequestInvalid:
    return RequestInvalid(
        ErrorCode.VALIDATION_FAILED, "a reward is not as it must be", [FieldError(path, message)]
    )
