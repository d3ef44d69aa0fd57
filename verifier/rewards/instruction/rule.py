"""An instruction that can be checked, and the reading of its arguments from a label."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from verifier.errors import ErrorCode, ItemInvalid

Kind = Literal["text", "texts", "letter", "number", "quantifier", "relation"]

MAX_NUMBER = 10_000_000
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "quantifier": ("at least", "around", "at most"),
    "relation": ("at least", "less than"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What is checked of a text, and which arguments the label must hold for it."""

    check: Callable[..., bool]
    """Takes the text, then the arguments by name."""
    arguments: Mapping[str, Kind] = field(default_factory=dict)


def read_arguments(rule: Rule, label: Mapping[str, object], path: str) -> dict[str, object]:
    """The rule's arguments out of a label; what else the label holds is left alone.

    Raises:
        ItemInvalid: one is missing, or not of its kind.
    """
    values: dict[str, object] = {}
    for name, kind in rule.arguments.items():
        value = label.get(name)
        if isinstance(value, float) and kind == "number" and value.is_integer():
            value = int(value)
        if not _is(value, kind):
            raise ItemInvalid(ErrorCode.UNUSABLE_REFERENCE, f"{path}.{name}: must be {_MEANING[kind]}")
        values[name] = value
    return values


_MEANING: Mapping[Kind, str] = {
    "text": "a non-empty string",
    "texts": "a list of non-empty strings",
    "letter": "one character",
    "number": "a whole number",
    "quantifier": "'at least', 'around' or 'at most'",
    "relation": "'at least' or 'less than'",
}


def _is(value: object, kind: Kind) -> bool:
    if kind == "number":
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NUMBER
    if kind == "texts":
        return isinstance(value, list) and bool(value) and all(_is(one, "text") for one in value)
    if not isinstance(value, str):
        return False
    if kind == "letter":
        return len(value) == 1
    return value in _CHOICES[kind] if kind in _CHOICES else bool(value.strip())
