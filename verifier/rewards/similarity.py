"""``similarity``: how like is the change to the one that was made? −1, or 0 to 1.

SWE-RL (arXiv 2502.18449, §2.2): the completion reasons in ``<think>`` and edits in ``<solution>``, by blocks

    ```
    ### path/to/file.py
    <<<<<<< SEARCH
    lines that stand in the file
    =======
    lines instead
    >>>>>>> REPLACE
    ```

``reference: {"files": {path: content}, "changed": {path: content after the true change}}``. The score is the
mean over all files that either changes of the sequence matcher's ratio of the two unified diffs; −1 for a
malformed answer. Comparing is quadratic, so it runs in killable workers.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from verifier.rewards.base import (
    ItemReward,
    ReferenceModel,
    RewardParameters,
    Sample,
    Score,
    read_reference,
)
from verifier.rewards.extraction import tagged
from verifier.schema import Verdict

Edit = tuple[str, str, str]
"""Path, the lines searched for, the lines instead."""


class SimilarityReference(ReferenceModel):
    """The files as they were, and those that the true change left otherwise."""

    files: dict[str, str]
    changed: Annotated[dict[str, str], Field(min_length=1)]


class SimilarityParameters(RewardParameters):
    """The value of a malformed answer."""

    type: Literal["similarity"]
    malformed: float = -1.0


class SimilarityReward(ItemReward[SimilarityParameters]):
    """The mean likeness of the changes, file by file; ``detail.files`` has each."""

    type_name = "similarity"
    Parameters = SimilarityParameters
    isolated = True

    def score(self, sample: Sample, parameters: SimilarityParameters) -> Score:
        """Apply the edits and compare the diffs."""
        reference = read_reference(sample, SimilarityReference)
        edited = edited_files(sample.completion, reference.files)
        if isinstance(edited, str):
            return Score(parameters.malformed, Verdict.NO_ANSWER, {"reason": edited})
        mine, gold = _diffs(reference.files, edited), _diffs(reference.files, reference.changed)
        ratios = {path: _ratio(mine.get(path, ""), gold.get(path, "")) for path in sorted({*mine, *gold})}
        value = sum(ratios.values()) / len(ratios) if ratios else 1.0
        verdict = {0.0: Verdict.INCORRECT, 1.0: Verdict.CORRECT}.get(value, Verdict.PARTIAL)
        return Score(value, verdict, {"files": ratios})


def edited_files(completion: str, files: Mapping[str, str]) -> dict[str, str] | str:
    """The files that the completion edits, edited; or the name of what is wrong with the answer."""
    if any(completion.count(mark) != 1 for mark in ("<think>", "</think>", "<solution>", "</solution>")):
        return "tags"
    thought, solution = tagged(completion, "think"), tagged(completion, "solution")
    if not thought or not thought[0] or not solution:
        return "tags"
    edits = read_edits(solution[0])
    if not edits:
        return "no_edit"
    edited: dict[str, str] = {}
    for path, search, replace in edits:
        content = edited.get(path, files.get(path, ""))
        if search == replace:
            return "edit_changes_nothing"
        if f"\n{search}" not in f"\n{content}":
            return "search_not_found"
        edited[path] = f"\n{content}".replace(f"\n{search}", f"\n{replace}")[1:]
    return edited


def read_edits(text: str) -> list[Edit]:
    """The search/replace blocks of a text, in order."""
    edits: list[Edit] = []
    path: str | None = None
    search: list[str] | None = None
    replace: list[str] | None = None
    for line in text.split("\n"):
        if replace is not None and search is not None and path is not None:
            if line == ">>>>>>> REPLACE":
                edits.append((path, "\n".join(search), "\n".join(replace)))
                path = search = replace = None
            else:
                replace.append(line)
        elif search is not None:
            if line == "=======":
                replace = []
            else:
                search.append(line)
        elif path is not None and line == "<<<<<<< SEARCH":
            search = []
        elif line.startswith("### "):
            path = line[4:].strip()
    return edits


def _diffs(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """The unified diff of each file that is not as it was, without its two header lines."""
    diffs: dict[str, str] = {}
    for path, content in after.items():
        lines = difflib.unified_diff(
            before.get(path, "").splitlines(), content.splitlines(), lineterm="", n=3
        )
        diff = "\n".join(list(lines)[2:])
        if diff:
            diffs[path] = diff
    return diffs


def _ratio(mine: str, gold: str) -> float:
    if not mine or not gold:
        return 0.0
    return difflib.SequenceMatcher(None, mine, gold, autojunk=False).ratio()
