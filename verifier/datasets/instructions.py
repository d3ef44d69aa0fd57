"""Rows of instruction following: RLVR-IFeval (TÜLU 3) and IFEval."""

from __future__ import annotations

from verifier.datasets.fields import Row, has, identifier, mapping, messages, selected, sequence, text
from verifier.datasets.formats import Format
from verifier.datasets.item import DatasetItem, RowUnusable
from verifier.schema import JsonObject

_INSTRUCTION: list[JsonObject] = [{"type": "instruction"}]


def _rlvr_ifeval(row: Row) -> DatasetItem:
    label = mapping(row, "ground_truth")
    if not isinstance(label.get("func_name"), str):
        raise RowUnusable("'ground_truth' names no 'func_name'")
    return DatasetItem(
        prompt=messages(row, "messages"),
        reference={name: value for name, value in label.items() if value is not None},
        rewards=_INSTRUCTION,
        id=identifier(row, "id"),
        metadata=selected(row, ("dataset", "constraint_type", "constraint")),
    )


def _ifeval(row: Row) -> DatasetItem:
    identifiers, keywords = sequence(row, "instruction_id_list"), sequence(row, "kwargs")
    if len(identifiers) != len(keywords):
        raise RowUnusable(f"{len(identifiers)} instructions, but {len(keywords)} kwargs")
    given = [
        {name: value for name, value in (one or {}).items() if value is not None}
        for one in keywords
        if one is None or isinstance(one, dict)
    ]
    if len(given) != len(keywords):
        raise RowUnusable("'kwargs' must be a list of objects")
    return DatasetItem(
        prompt=text(row, "prompt"),
        reference={"instruction_id_list": identifiers, "kwargs": given},
        rewards=_INSTRUCTION,
        id=identifier(row, "key"),
    )


def _has_constraint(row: Row) -> bool:
    """In TÜLU 3's mixture, rows of mathematics have these fields too, with a null ``constraint_type``."""
    return has(row, "messages", "ground_truth") and bool(row.get("constraint_type"))


FORMATS = (
    Format("ifeval", lambda row: has(row, "instruction_id_list", "kwargs"), _ifeval),
    Format("rlvr_ifeval", _has_constraint, _rlvr_ifeval),
)
