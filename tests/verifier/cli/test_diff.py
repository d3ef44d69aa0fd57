"""``verifier diff``: what changed between two scored files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Verifier = Callable[..., Result]
WriteRows = Callable[..., Path]


def line(index: int, reward: float | None = 1.0, verdict: str = "correct", **more: Any) -> dict[str, Any]:
    part = {"name": "math", "type": "math", "status": "ok", "score": reward, "verdict": verdict}
    return {
        "index": index,
        "id": None,
        "status": "ok",
        "reward": reward,
        "components": [part],
        "graders": {"math": 1},
        **more,
    }


def test_equal_files_are_equal_whatever_the_times(offline: Verifier, rows: WriteRows) -> None:
    result = offline(
        "diff",
        rows(line(0, elapsed_ms=1.0), name="old"),
        rows(line(0, elapsed_ms=2.0), name="new"),
    )
    assert result.exit_code == 0
    assert "no row changed" in result.stdout


def test_a_flip_is_counted_and_shown(offline: Verifier, rows: WriteRows) -> None:
    old = rows(line(0), line(1), name="old")
    new = rows(line(0), line(1, 0.0, "incorrect"), name="new")
    result = offline("diff", old, new)
    assert result.exit_code == 1
    assert "mean reward 1 → 0.5" in result.stdout
    assert "1 rows changed" in result.stdout
    assert words(result) >= {"correct", "incorrect"}


def test_rows_are_matched_by_id_where_every_row_has_one(offline: Verifier, rows: WriteRows) -> None:
    old = rows(line(0, id="a"), line(1, 0.0, "incorrect", id="b"), name="old")
    new = rows(line(0, 0.0, "incorrect", id="b"), line(1, id="a"), name="new")
    assert offline("diff", old, new).exit_code == 0


def test_rows_are_matched_by_index_where_ids_repeat(offline: Verifier, rows: WriteRows) -> None:
    old = rows(line(0, id="a"), line(1, 0.0, "incorrect", id="a"), name="old")
    new = rows(line(0, 0.0, "incorrect", id="a"), line(1, id="a"), name="new")
    assert "2 rows changed" in offline("diff", old, new).stdout


def test_rows_of_one_file_alone_are_named(offline: Verifier, rows: WriteRows) -> None:
    result = offline("diff", rows(line(0, id="a"), name="old"), rows(line(0, id="b"), name="new"))
    assert result.exit_code == 1
    assert "1 rows only in OLD: a" in result.stdout
    assert "1 rows only in NEW: b" in result.stdout


def test_another_grader_version_is_a_difference(offline: Verifier, rows: WriteRows) -> None:
    result = offline("diff", rows(line(0), name="old"), rows(line(0, graders={"math": 2}), name="new"))
    assert result.exit_code == 1
    assert "grader math: version 1 → 2" in result.stdout


def test_a_lost_reward_is_a_change_to_its_status(offline: Verifier, rows: WriteRows) -> None:
    lost = {
        "index": 0,
        "id": None,
        "status": "error",
        "reward": None,
        "components": [],
        "graders": {"math": 1},
    }
    result = offline("diff", rows(line(0), name="old"), rows(lost, name="new"))
    assert {"absent", "error"} <= words(result)


def test_the_largest_changes_come_first_and_the_rest_is_counted(offline: Verifier, rows: WriteRows) -> None:
    old = rows(*(line(index, 0.0, "incorrect") for index in range(5)), name="old")
    new = rows(*(line(index, index / 10, "partial") for index in range(5)), name="new")
    result = offline("diff", old, new, "--show", "2")
    assert "3 more; --show N lists more" in result.stdout
    assert result.stdout.index("0.4") < result.stdout.index("0.3")


@pytest.mark.parametrize("content", ["{", '{"completion": "c"}', "[1]"])
def test_what_score_did_not_write_is_refused_by_line(
    offline: Verifier, rows: WriteRows, content: str
) -> None:
    result = offline("diff", rows(line(0), name="old"), rows(line(0), content, name="new"))
    assert result.exit_code == 2
    assert "new, line 2: not" in result.stderr


def words(result: Result) -> set[str]:
    return set(result.stdout.replace("│", " ").split())
