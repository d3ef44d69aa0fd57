"""``sudoku``: is the grid solved? 1 or 0, or the share of empty cells that are right.

``reference: {"puzzle": "53..7....6..195…", "solution": "…"?}``: the cells row by row, ``0``, ``.`` or ``_``
for empty, of a grid of 4×4, 6×6 (boxes of two rows by three columns) or 9×9. The answer may draw the grid
with bars and lines; its digits count. Every row, column and box must hold every digit once and every clue
must stay, so that any solution of a puzzle with several is right.
"""

from __future__ import annotations

from typing import Literal

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.answers import single_answer
from verifier.rewards.base import ItemReward, ReferenceModel, RewardParameters, Sample, Score, read_reference
from verifier.rewards.extraction import Extract
from verifier.schema import JsonObject, Verdict

_BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}
"""Rows and columns of a box, by the size of the grid."""
_EMPTY = "0._"
MAX_CHARACTERS = 10_000


class SudokuReference(ReferenceModel):
    """The puzzle, and its solution where partial credit is asked for."""

    puzzle: str
    solution: str | None = None


class SudokuParameters(RewardParameters):
    """Where the grid stands, and whether there is partial credit."""

    type: Literal["sudoku"]
    extract: Extract = "auto"
    credit: Literal["solved", "cells"] = "solved"
    """``cells``: the share of the puzzle's empty cells that agree with ``reference.solution``, clues kept."""


class SudokuReward(ItemReward[SudokuParameters]):
    """1 when the grid is a solution of the puzzle, else 0 or the share of cells that are right."""

    type_name = "sudoku"
    Parameters = SudokuParameters

    def score(self, sample: Sample, parameters: SudokuParameters) -> Score:
        """Read the grid and check clues, rows, columns and boxes."""
        puzzle, solution = _reference(sample, parameters)
        answer, without = single_answer(sample, parameters.extract, lambda text: str(read_grid(text)))
        if answer is None:
            return without
        grid = read_grid(answer)
        if grid is None or len(grid) != len(puzzle):
            return Score(0.0, Verdict.NO_ANSWER, {"reason": "no_grid_of_the_size"})
        kept = all(clue in _EMPTY or clue == cell for clue, cell in zip(puzzle, grid, strict=True))
        broken = violations(grid)
        detail: JsonObject = {"clues_kept": kept, "violations": broken}
        if kept and not broken:
            return Score(1.0, Verdict.CORRECT, detail)
        if solution is None or not kept:
            return Score(0.0, Verdict.INCORRECT, detail)
        empty = [position for position, clue in enumerate(puzzle) if clue in _EMPTY]
        right = sum(grid[position] == solution[position] for position in empty)
        verdict = Verdict.PARTIAL if right else Verdict.INCORRECT
        return Score(right / len(empty), verdict, {**detail, "cells_right": right, "cells_empty": len(empty)})


def read_grid(text: str) -> str | None:
    """The digits of a drawn grid, row by row; None where they make no grid."""
    if len(text) > MAX_CHARACTERS:
        return None
    cells = "".join(character for character in text if character.isascii() and character.isdigit())
    size = round(len(cells) ** 0.5)
    return cells if size * size == len(cells) and size in _BOXES else None


def violations(grid: str) -> int:
    """How many rows, columns and boxes do not hold every digit once."""
    size = round(len(grid) ** 0.5)
    height, width = _BOXES[size]
    whole = set("123456789"[:size])
    units = [grid[row * size : (row + 1) * size] for row in range(size)]
    units += [grid[column::size] for column in range(size)]
    for top in range(0, size, height):
        for left in range(0, size, width):
            rows = range(top, top + height)
            units.append("".join(grid[row * size + left : row * size + left + width] for row in rows))
    return sum(set(unit) != whole for unit in units)


def _reference(sample: Sample, parameters: SudokuParameters) -> tuple[str, str | None]:
    """Puzzle and solution, each as one string of cells."""
    reference = read_reference(sample, SudokuReference)
    puzzle = "".join(cell for cell in reference.puzzle if cell in _EMPTY or cell in "123456789")
    if round(len(puzzle) ** 0.5) not in _BOXES or round(len(puzzle) ** 0.5) ** 2 != len(puzzle):
        raise ItemInvalid(ErrorCode.UNUSABLE_REFERENCE, "reference.puzzle: must be a grid of 4×4, 6×6 or 9×9")
    if not any(cell in _EMPTY for cell in puzzle):
        raise ItemInvalid(ErrorCode.UNUSABLE_REFERENCE, "reference.puzzle: has no empty cell")
    if parameters.credit == "solved":
        return puzzle, None
    solution = read_grid(reference.solution or "")
    if solution is None or len(solution) != len(puzzle) or violations(solution):
        raise ItemInvalid(ErrorCode.UNUSABLE_REFERENCE, "reference.solution: 'cells' needs the solved grid")
    return puzzle, solution
