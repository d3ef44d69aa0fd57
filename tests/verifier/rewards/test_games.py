"""``countdown``, ``knights_knaves``, ``sudoku``."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.errors import ItemInvalid
from verifier.presets import expand
from verifier.rewards.arithmetic import read_expression
from verifier.rewards.knights_knaves import read_roles

DATA = Path(__file__).parents[3].parent / "shared" / "data"


# Countdown


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1+2*3", 7),
        ("(1+2)*3", 9),
        ("8/(3-8/3)", 24),
        ("2/-3*4", Fraction(-8, 3)),
        ("-2*-3", 6),
        ("2--3", 5),
        ("3 × (4 − 2) ÷ 2", 3),
        ("3 \\times 4", 12),
        ("$3 \\cdot 4$", 12),
    ],
)
def test_arithmetic(text: str, value: Fraction) -> None:
    expression = read_expression(text)
    assert expression is not None
    assert expression.value() == value


@pytest.mark.parametrize(
    "text",
    [
        "2**3",
        "9//2",
        "1 2",
        "()",
        "(1",
        "1)",
        "1+",
        "5/0",
        "2(3)",
        "+3",
        "abs(3)",
        "1.5",
        "1e3",
        "",
        "(" * 900,
    ],
)
def test_what_is_no_arithmetic_has_no_value(text: str) -> None:
    expression = read_expression(text)
    assert expression is None or expression.value() is None


operators = st.sampled_from(["+", "-", "*", "/"])


@st.composite
def expressions(draw: st.DrawFn, depth: int = 4) -> str:
    if depth == 0 or draw(st.booleans()):
        return str(draw(st.integers(0, 99)))
    left, right = draw(expressions(depth=depth - 1)), draw(expressions(depth=depth - 1))
    inside = f"{left} {draw(operators)} {right}"
    return draw(st.sampled_from([f"({inside})", f"-({inside})", inside]))


@given(expressions())
def test_arithmetic_agrees_with_python(text: str) -> None:
    expression = read_expression(text)
    assert expression is not None
    exact = "".join(f"Fraction({part})" if part.isdigit() else part for part in _parts(text))
    try:
        expected = eval(exact, {"Fraction": Fraction})  # noqa: S307 - our own text of digits and operators
    except ZeroDivisionError:
        expected = None
    assert expression.value() == expected


def _parts(text: str) -> list[str]:
    return "".join(character if character.isdigit() else f" {character} " for character in text).split()


@given(st.text(alphabet="0123456789+-*/() ", max_size=40))
def test_reading_arithmetic_never_fails(text: str) -> None:
    expression = read_expression(text)
    if expression is not None:
        expression.value()


@pytest.mark.parametrize(
    ("answer", "value", "reason"),
    [
        ("(1 + 3) * (2 + 4)", 1, None),
        ("(1 + 3) * (2 + 4) = 24", 1, None),
        ("(1 + 3) * (2 + 4) = 25", 0, "untrue_equation"),
        ("1 * 2 * 3 * 4", 1, None),
        ("4 * 3 * 2", 0, "wrong_numbers"),
        ("4 * 3 * 2 * 1 * 1", 0, "wrong_numbers"),
        ("12 * 3 - 4", 0, "wrong_numbers"),
        ("1 + 2 + 3 + 4", 0, "wrong_value"),
        ("4 ** 3 - 2 ** 1", 0, "not_an_expression"),
        ("9**9**9", 0, "wrong_numbers"),
        ("24", 0, "wrong_numbers"),
        ("none", 0, "not_an_expression"),
    ],
)
def test_countdown(judge: Any, answer: str, value: float, reason: str | None) -> None:
    reference = {"target": 24, "numbers": [1, 2, 3, 4]}
    score = judge({"type": "countdown"}, f"<answer>{answer}</answer>", reference)
    assert (score.value, score.detail.get("reason")) == (value, reason)


def test_countdown_with_numbers_to_spare(judge: Any) -> None:
    reference = {"target": 24, "numbers": [2, 3, 4, 7]}
    assert judge({"type": "countdown"}, "<answer>2 * 3 * 4</answer>", reference).value == 0
    assert judge({"type": "countdown", "use": "any"}, "<answer>2 * 3 * 4</answer>", reference).value == 1


# Knights and knaves


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("(1) Zoey is a knight\n(2) Owen is a knave", {"zoey": "knight", "owen": "knave"}),
        ("ZOEY is a Knight, owen  is a knave.", {"zoey": "knight", "owen": "knave"}),
        ("Zoey is a knight or a knave", None),
        ("Zoey is a knight. Zoey is a knave", None),
        ("Zoey is a knight. Zoey is a knight", None),
        ("Zoey is not a knight", None),
        ("Zoey and Owen are knights", None),
        ("", None),
    ],
)
def test_roles_are_read_only_where_they_are_plain(text: str, roles: dict[str, str] | None) -> None:
    assert read_roles(text) == roles


def _puzzles() -> list[dict[str, Any]]:
    files = sorted(DATA.glob("knights_knaves_*.parquet"))
    if not files:
        return []
    import pyarrow.parquet as parquet

    return [row for file in files for row in parquet.read_table(file).to_pylist()]


@pytest.mark.data
def test_every_published_puzzle_scores_as_published(judge: Any) -> None:
    puzzles = _puzzles()
    if not puzzles:
        pytest.skip(f"no knights_knaves_*.parquet in {DATA}")
    rewards = expand("logic_rl", {}, "rewards")

    def total(solution: str, truth: dict[str, Any]) -> float:
        completion = f"<think>Let us see.</think><answer>{solution}</answer>"
        return sum(judge(spec, completion, truth).value for spec in rewards)

    for puzzle in puzzles:
        truth = puzzle["reward_model"]["ground_truth"]
        lines = truth["solution_text_format"].split("\n")
        assert read_roles(truth["solution_text_format"]) is not None
        assert total("\n".join(lines), truth) == 3
        for index, line in enumerate(lines):
            other = line.replace("knight", "knave") if "knight" in line else line.replace("knave", "knight")
            flipped = [*lines[:index], other, *lines[index + 1 :]]
            assert total("\n".join(flipped), truth) == -0.5


# Sudoku

PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLUTION = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


def test_a_solved_grid(judge: Any) -> None:
    drawn = "\n".join(" ".join(SOLUTION[row * 9 : row * 9 + 9]) for row in range(9))
    assert judge({"type": "sudoku"}, f"<answer>{drawn}</answer>", {"puzzle": PUZZLE}).value == 1
    assert judge({"type": "sudoku"}, f"<answer>{SOLUTION}</answer>", {"puzzle": PUZZLE}).value == 1


def test_a_wrong_cell(judge: Any) -> None:
    wrong = SOLUTION[:2] + "1" + SOLUTION[3:]
    reference = {"puzzle": PUZZLE, "solution": SOLUTION}
    plain = judge({"type": "sudoku"}, f"<answer>{wrong}</answer>", reference)
    assert (plain.value, plain.verdict, plain.detail["violations"]) == (0, "incorrect", 3)
    shared = judge({"type": "sudoku", "credit": "cells"}, f"<answer>{wrong}</answer>", reference)
    assert shared.value == pytest.approx(50 / 51)


def test_a_changed_clue_earns_nothing_though_the_grid_is_whole(judge: Any) -> None:
    swapped = SOLUTION.translate(str.maketrans("12", "21"))
    reference = {"puzzle": PUZZLE, "solution": SOLUTION}
    for credit in ("solved", "cells"):
        score = judge({"type": "sudoku", "credit": credit}, f"<answer>{swapped}</answer>", reference)
        assert (score.value, score.detail["clues_kept"]) == (0, False)


def test_any_solution_of_an_open_puzzle_is_right(judge: Any) -> None:
    for grid in ("1234341221434321", "2143341212344321"):
        assert judge({"type": "sudoku"}, grid, {"puzzle": "...." * 3 + "4321"}).value == 1


@pytest.mark.parametrize("reference", [{}, {"puzzle": "123"}, {"puzzle": SOLUTION}, {"puzzle": ""}])
def test_a_puzzle_that_is_none_is_invalid(judge: Any, reference: dict[str, Any]) -> None:
    with pytest.raises(ItemInvalid):
        judge({"type": "sudoku"}, SOLUTION, reference)
