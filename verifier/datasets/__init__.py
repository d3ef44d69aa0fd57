"""Rows of public data sets, as problems that the verifier can score. Needs nothing of the service.

for item in to_items(read_rows("math500.jsonl")):
    if isinstance(item, MalformedRow):
        …  # item.line, item.reason
    else:
        …  # item.prompt, item.reference, item.rewards, item.solution
"""

from verifier.datasets.convert import AUTO, to_items
from verifier.datasets.item import Completion, DatasetItem, MalformedRow, Prompt, RowUnusable
from verifier.datasets.read import SourceRow, UnreadableFile, read_rows, row_count
from verifier.datasets.registry import FORMATS, detect

__all__ = [
    "AUTO",
    "FORMATS",
    "Completion",
    "DatasetItem",
    "MalformedRow",
    "Prompt",
    "RowUnusable",
    "SourceRow",
    "UnreadableFile",
    "detect",
    "read_rows",
    "row_count",
    "to_items",
]
