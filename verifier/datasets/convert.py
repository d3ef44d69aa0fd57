"""Rows to problems, each row accounted for: as a ``DatasetItem`` or as a ``MalformedRow``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from verifier.datasets.decode import plain
from verifier.datasets.fields import Row, has
from verifier.datasets.formats import Format
from verifier.datasets.item import Completion, DatasetItem, MalformedRow, RowUnusable
from verifier.datasets.mathematics import answers
from verifier.datasets.native import default_rewards
from verifier.datasets.read import SourceRow
from verifier.datasets.registry import detect, named

AUTO = "auto"
_COMPLETION = "completion"


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the caller asked for."""

    format: Format | None
    completion_field: str | None
    reference_field: str | None


def to_items(
    rows: Iterable[SourceRow | MalformedRow | Mapping[str, Any]],
    format: str = AUTO,
    *,
    completion_field: str | None = None,
    reference_field: str | None = None,
) -> Iterator[DatasetItem | MalformedRow]:
    """The problems that rows hold, one for one and in their order.

    Args:
        rows: what ``read_rows`` yields, or any mappings: rows of the ``datasets`` library, say.
        format: the name of a format, or ``auto`` to tell each row's by its fields.
        completion_field: the field that holds what a model wrote: a text, chat messages, or a list of texts.
            By default ``completion``, where a row has it. The format's own solution field gives the solution.
        reference_field: the field that holds the reference, instead of the format's: an answer, a list of
            answers of which any will do, or a reference object.

    Raises:
        ValueError: no format of this name.
    """
    reading = _Reading(None if format == AUTO else named(format), completion_field, reference_field)
    for position, row in enumerate(rows, 1):
        if isinstance(row, MalformedRow):
            yield row
        elif isinstance(row, SourceRow):
            yield _convert(row, reading)
        else:
            yield _convert(SourceRow(position, row), reading)


def _convert(source: SourceRow, reading: _Reading) -> DatasetItem | MalformedRow:
    try:
        item = replace(_problem(_fields(source.fields), reading), line=source.line)
    except RowUnusable as error:
        return MalformedRow(source.line, str(error))
    except (KeyError, AttributeError, IndexError, TypeError, ValueError) as error:
        return MalformedRow(
            source.line, f"not of the shape its fields promise ({type(error).__name__}: {error})"
        )
    try:
        orjson.dumps([item.prompt, item.reference, item.rewards, item.metadata, item.extra, item.completions])
    except orjson.JSONEncodeError as error:  # text that is no UTF-8, an integer beyond 64 bits, bytes
        return MalformedRow(source.line, f"cannot be sent as JSON: {error}")
    return item


def _fields(value: Any) -> Row:
    """The row's fields; those of a list are its positions (ORZ)."""
    fields = plain(value)
    if isinstance(fields, list):
        return {str(position): inside for position, inside in enumerate(fields)}
    if not isinstance(fields, dict):
        raise RowUnusable("a row must be an object")
    return fields


def _problem(row: Row, reading: _Reading) -> DatasetItem:
    chosen = reading.format or detect(row)
    item = _bare(row, reading) if chosen is None else replace(chosen.convert(row), format=chosen.name)
    if reading.reference_field is not None:
        reference = _reference(row, reading.reference_field)
        item = replace(item, reference=reference, rewards=default_rewards(reference) or item.rewards)
    solution_field = chosen.solution_field if chosen else None
    return replace(item, completions=_completions(row, item, reading.completion_field, solution_field))


def _bare(row: Row, reading: _Reading) -> DatasetItem:
    """A row of no known format, whose reference the caller points at."""
    if reading.reference_field is None:
        fields = ", ".join(sorted(row)[:12]) or "none"
        raise RowUnusable(
            f"no known data format has these fields ({fields}): name the format or the reference field"
        )
    prompt = next((row[name] for name in ("prompt", "question", "problem") if name in row), None)
    return DatasetItem(prompt=prompt, reference=None, rewards=None, format="fields")


def _reference(row: Row, name: str) -> dict[str, Any]:
    value = row.get(name)
    return value if isinstance(value, dict) else answers(value, name)


def _completions(
    row: Row, item: DatasetItem, name: str | None, solution_field: str | None
) -> tuple[Completion, ...]:
    if name is not None and name == solution_field and item.solution is not None:
        return (item.solution,)
    if name is None and (solution_field == _COMPLETION or not has(row, _COMPLETION)):
        return ()
    name = name or _COMPLETION
    value = row.get(name)
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return tuple(value)
    if isinstance(value, list) and value and all(isinstance(one, dict) and "role" in one for one in value):
        return (value,)
    raise RowUnusable(f"'{name}' must be a text, chat messages, or a list of texts")
