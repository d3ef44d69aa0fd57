"""JSON out of completions: bounded in depth and size, never evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

MAX_CHARACTERS = 1 << 20
MAX_DEPTH = 200


@dataclass(frozen=True, slots=True)
class JsonText:
    """A value that was read; ``value`` may be None, the JSON null."""

    value: Any


def read_json(text: str) -> JsonText | None:
    """The JSON value that the whole text is; None where it is none, too long or too deep."""
    if len(text) > MAX_CHARACTERS:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return JsonText(value) if _shallow(value) else None


def _shallow(value: object) -> bool:
    """Whether nothing is nested deeper than ``MAX_DEPTH``."""
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        deeper: list[object] = []
        for node in level:
            if isinstance(node, dict):
                deeper.extend(node.values())
            elif isinstance(node, list):
                deeper.extend(node)
        if not deeper:
            return True
        level = deeper
    return False


def same_json(left: object, right: object) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, but true is not 1. One is at most ``MAX_DEPTH`` deep."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_json(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_json, left, right))
    return left == right


def without_fence(text: str) -> str:
    """The inside of a fenced block that is the whole text, or the text as it stands."""
    stripped = text.strip()
    if not (stripped.startswith("```") and stripped.endswith("```") and len(stripped) >= 6):
        return stripped
    inside = stripped[3:-3]
    language, newline, rest = inside.partition("\n")
    return rest.strip() if newline and language.strip().lower() in ("json", "") else inside.strip()
