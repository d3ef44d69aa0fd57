"""From a preset's name to the rewards it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verifier.errors import ErrorCode, FieldError, RequestInvalid
from verifier.presets.model import Parameter, Preset, load_presets
from verifier.schema import JsonObject, RewardSpec


def expand(name: str, params: Mapping[str, object], path: str) -> list[RewardSpec]:
    """The rewards of a preset, with its parameters put in.

    Args:
        name: one of those that ``catalogue`` lists.
        params: values for the preset's parameters; what is absent takes its default.
        path: where the choice stands in the request, for messages.

    Raises:
        RequestInvalid: no such preset, no such parameter, or a value it does not take.
    """
    preset = load_presets().get(name)
    if preset is None:
        raise _refused(f"{path}.preset", "no preset of this name; GET /presets lists them")
    values = _values(preset, params, f"{path}.params")
    rewards: list[RewardSpec] = [_filled(spec, values) for spec in preset.rewards]
    return rewards


def catalogue() -> list[JsonObject]:
    """Every preset for display: what it is, its source, parameters and rewards; without its golden cases."""
    return [
        {"name": name, **preset.model_dump(mode="json", exclude={"cases"}, exclude_none=True)}
        for name, preset in load_presets().items()
    ]


def _values(preset: Preset, params: Mapping[str, object], path: str) -> dict[str, object]:
    for name in params:
        if name not in preset.parameters:
            known = ", ".join(sorted(preset.parameters)) or "none"
            raise _refused(f"{path}.{name}", f"the preset has no such parameter; it has: {known}")
    values: dict[str, object] = {}
    for name, parameter in preset.parameters.items():
        value = params.get(name, parameter.default)
        complaint = _complaint(value, parameter)
        if complaint:
            raise _refused(f"{path}.{name}", complaint)
        values[name] = parameter.choices[str(value)] if parameter.choices is not None else value
    return values


def _complaint(value: object, parameter: Parameter) -> str | None:
    """What is wrong with a parameter's value, or None."""
    if parameter.choices is not None:
        allowed = ", ".join(parameter.choices)
        return None if isinstance(value, str) and value in parameter.choices else f"must be one of: {allowed}"
    kind = type(parameter.default)
    if type(value) is not kind and not (kind is float and type(value) is int):
        names = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}
        return f"must be {names[kind]}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if parameter.minimum is not None and not value >= parameter.minimum:
            return f"must be at least {parameter.minimum:g}"
        if parameter.maximum is not None and not value <= parameter.maximum:
            return f"must be at most {parameter.maximum:g}"
    return None


def _filled(node: Any, values: Mapping[str, object]) -> Any:
    """A part of a specification with each ``"$name"`` replaced by the value of that parameter."""
    if isinstance(node, dict):
        return {key: _filled(child, values) for key, child in node.items()}
    if isinstance(node, list):
        return [_filled(child, values) for child in node]
    if isinstance(node, str) and node.startswith("$") and node[1:] in values:
        return _filled(values[node[1:]], values)
    return node


def _refused(path: str, message: str) -> RequestInvalid:
    return RequestInvalid(
        ErrorCode.VALIDATION_FAILED, "a preset is not as it must be", [FieldError(path, message)]
    )
