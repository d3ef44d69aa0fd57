"""Reading of a row's fields, with reasons that name the field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from verifier.datasets.decode import parse_json_or_literal
from verifier.datasets.item import Prompt, RowUnusable
from verifier.schema import JsonObject

Row = Mapping[str, Any]


def has(row: Row, *names: str) -> bool:
    """Whether the row has all these fields."""
    return all(name in row for name in names)


def text(row: Row, name: str) -> str:
    """A field that must be a string with something in it."""
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise RowUnusable(f"'{name}' must be text, and is {_kind(value)}")
    return value


def optional_text(row: Row, name: str) -> str | None:
    """A field that may be missing, null or blank."""
    value = row.get(name)
    return value if isinstance(value, str) and value.strip() else None


def mapping(row: Row, name: str) -> JsonObject:
    """A field that must be an object, or a string that holds one."""
    value = decoded(row, name)
    if not isinstance(value, dict):
        raise RowUnusable(f"'{name}' must be an object, and is {_kind(value)}")
    return value


def sequence(row: Row, name: str) -> list[Any]:
    """A field that must be a list with something in it, or a string that holds one."""
    value = decoded(row, name)
    if not isinstance(value, list) or not value:
        raise RowUnusable(f"'{name}' must be a list with something in it, and is {_kind(value)}")
    return value


def decoded(row: Row, name: str) -> Any:
    """A field's value; of a string, what it holds as JSON or as a Python literal."""
    try:
        return parse_json_or_literal(row.get(name))
    except RowUnusable as error:
        raise RowUnusable(f"'{name}': {error}") from None


def scalar_text(value: Any, name: str) -> str:
    """A string or number, as text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RowUnusable(f"'{name}' must be text or a number, and is {_kind(value)}")
    written = str(value).strip()
    if not written:
        raise RowUnusable(f"'{name}' is empty")
    return written


def messages(row: Row, name: str) -> Prompt:
    """A field that holds a prompt: text, or chat messages of role and content."""
    value = row.get(name)
    if isinstance(value, str):
        return text(row, name)
    chat = sequence(row, name)
    for message in chat:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise RowUnusable(f"'{name}' must be text or a list of messages with a role")
    return [{"role": message["role"], "content": message.get("content")} for message in chat]


def selected(row: Row, names: Iterable[str]) -> JsonObject:
    """Those of the fields that the row has and that are not null, for an item's metadata."""
    return {name: row[name] for name in names if row.get(name) is not None}


def identifier(row: Row, *names: str) -> str | None:
    """The first of the fields that names the row, as text."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value):
            return str(value)
    return None


def fenced(code: str, language: str = "python") -> str:
    """A program as a completion shows it."""
    fence = "```" if "```" not in code else "`````"
    return f"{fence}{language}\n{code.rstrip()}\n{fence}"


def _kind(value: Any) -> str:
    if value is None:
        return "missing or null"
    if isinstance(value, str | list | dict) and not value:
        return "empty"
    return f"a {type(value).__name__}"
