"""Rows that are items of ``POST /score`` already; fields it does not know go to ``metadata``."""

from __future__ import annotations

from verifier.datasets.fields import Row, identifier
from verifier.datasets.formats import Format
from verifier.datasets.item import CODE, MATH, DatasetItem, RewardChoice, RowUnusable
from verifier.schema import Item

_EXTRA = ("finish_reason", "completion_tokens")


def default_rewards(reference: object) -> RewardChoice | None:
    """What a bare reference is scored by: tests by ``code``, an answer by ``math``."""
    if isinstance(reference, dict) and "tests" in reference:
        return CODE
    if isinstance(reference, dict) and "answer" in reference:
        return MATH
    return None


def _item(row: Row) -> DatasetItem:
    reference, rewards, metadata = row.get("reference"), row.get("rewards"), row.get("metadata")
    if reference is not None and not isinstance(reference, dict | str):
        raise RowUnusable("'reference' must be an object, or the key of one")
    if rewards is not None and not isinstance(rewards, list | dict):
        raise RowUnusable("'rewards' must be a list, or {'preset': NAME}")
    if metadata is not None and not isinstance(metadata, dict):
        raise RowUnusable("'metadata' must be an object")
    unknown = {name: value for name, value in row.items() if name not in Item.model_fields}
    return DatasetItem(
        prompt=row.get("prompt"),
        reference=reference,
        rewards=rewards if rewards is not None else default_rewards(reference),
        id=identifier(row, "id"),
        metadata={**unknown, **(metadata or {})},
        assistant_prefix=row.get("assistant_prefix"),
        extra={"group": identifier(row, "group"), **{name: row.get(name) for name in _EXTRA}},
    )


FORMATS = (
    Format("items", lambda row: "completion" in row and ("reference" in row or "rewards" in row), _item),
)
