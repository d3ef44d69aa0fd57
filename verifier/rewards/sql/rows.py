"""Comparing the rows of two results."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Literal

Order = Literal["auto", "strict", "ignore"]
Types = Literal["strict", "loose"]
Rows = Sequence[Sequence[object]]

_FINAL_ORDER = re.compile(r"\border\s+by\b[^)]*$", re.IGNORECASE)


def is_ordered(query: str) -> bool:
    """Whether a query says in which order its rows come: ORDER BY outside its last parenthesis."""
    return _FINAL_ORDER.search(query) is not None


def same_rows(mine: Rows, gold: Rows, *, ordered: bool, types: Types) -> bool:
    """Whether two results hold the same rows."""
    left = [tuple(_cell(cell, types) for cell in row) for row in mine]
    right = [tuple(_cell(cell, types) for cell in row) for row in gold]
    return left == right if ordered else Counter(left) == Counter(right)


def _cell(cell: object, types: Types) -> Hashable:
    """A cell in the form that equal cells share; its kind stands beside, so that '1' is not 1."""
    if isinstance(cell, str) and types == "loose":
        try:
            cell = float(cell)
        except ValueError:
            return ("text", str(cell).strip())
    if isinstance(cell, int | float):
        return ("number", float(f"{cell:.9g}") if isinstance(cell, float) else cell)
    if isinstance(cell, list):
        return ("blob", *map(str, cell))
    return ("null",) if cell is None else ("text", str(cell))
