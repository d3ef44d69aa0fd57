"""``sql``: finding the query, comparing rows; the running of it is in the golden cases of ``sql_r1``."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.schema import ExecuteRequest, ExecuteResult
from verifier.errors import ItemInvalid
from verifier.rewards.base import Sample, Score
from verifier.rewards.sql import SqlReward
from verifier.rewards.sql.extract import find_query
from verifier.rewards.sql.reward import SqlParameters
from verifier.rewards.sql.rows import is_ordered, same_rows

SETUP = "CREATE TABLE t (name TEXT, age INTEGER); INSERT INTO t VALUES ('Ada', 36), ('Bob', 20), ('Cy', 20);"


@pytest.mark.parametrize(
    ("completion", "query"),
    [
        ("```sql\nSELECT 1;\n```", "SELECT 1"),
        ("<answer>```sql\nSELECT 1\n```</answer>", "SELECT 1"),
        ("<answer>SELECT 1</answer>", "SELECT 1"),
        ("```sql\nSELECT 1\n``` or ```SQL\nSELECT 2\n```", "SELECT 2"),
        ("<think>```sql\nSELECT 1\n```</think> none", None),
        ("SELECT 1", None),
        ("```sql\n```", None),
    ],
)
def test_the_query_of_a_completion(completion: str, query: str | None) -> None:
    assert find_query(completion) == query


@pytest.mark.parametrize(
    ("query", "ordered"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("select a from t order  by a limit 3", True),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a)", False),
        ("SELECT a FROM t", False),
        ("SELECT border FROM t", False),
    ],
)
def test_whether_a_query_orders_its_rows(query: str, ordered: bool) -> None:
    assert is_ordered(query) is ordered


@pytest.mark.parametrize(
    ("mine", "gold", "ordered", "types", "same"),
    [
        ([[1], [2]], [[2], [1]], False, "strict", True),
        ([[1], [2]], [[2], [1]], True, "strict", False),
        ([[1], [1]], [[1]], False, "strict", False),
        ([[1]], [[1.0]], True, "strict", True),
        ([[0.1 + 0.2]], [[0.3]], True, "strict", True),
        ([["1"]], [[1]], True, "strict", False),
        ([["1"]], [[1]], True, "loose", True),
        ([[None]], [[""]], True, "strict", False),
        ([[None]], [["null"]], True, "strict", False),
        ([[["ff"]]], [["ff"]], True, "strict", False),
        ([[1, 2]], [[2, 1]], False, "strict", False),
        ([], [], False, "strict", True),
    ],
)
def test_rows(mine: Any, gold: Any, ordered: bool, types: Any, same: bool) -> None:
    assert same_rows(mine, gold, ordered=ordered, types=types) is same


class _Unjailed:
    """Runs the runner's program in a plain process: what the jail adds is not what is tested here."""

    async def execute(self, request: ExecuteRequest) -> ExecuteResult:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-c", request.code, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        stdout, stderr = await process.communicate(request.stdin.encode())
        return ExecuteResult(
            status="ok" if process.returncode == 0 else "runtime_error",
            stdout=stdout.decode(),
            stderr=stderr.decode(),
            exit_code=process.returncode,
            cpu_ms=0,
            wall_ms=0,
            memory_kb=0,
        )


def judged(query: str, reference: dict[str, Any], **more: Any) -> Score:
    parameters = SqlParameters.model_validate({"type": "sql", **more})
    sample = Sample(f"<answer>{query}</answer>", reference=reference)
    services: Any = SimpleNamespace(sandbox=_Unjailed())
    return asyncio.run(SqlReward().score(sample, parameters, services))


OLD = {"setup": SETUP, "sql": "SELECT name FROM t WHERE age > 30"}


@pytest.mark.parametrize(
    ("query", "value", "verdict"),
    [
        ("SELECT name FROM t WHERE age = 36", 1, "correct"),
        ("SELECT name FROM t", 0, "incorrect"),
        ("SELECT nope FROM t", 0, "runtime_error"),
        ("DELETE FROM t", 0, "runtime_error"),
        ("ATTACH 'x.db' AS x", 0, "runtime_error"),
        ("PRAGMA writable_schema = 1", 0, "runtime_error"),
        ("SELECT 1; SELECT 2", 0, "runtime_error"),
        ("SELECT load_extension('x')", 0, "runtime_error"),
        (
            "WITH RECURSIVE n(i) AS (SELECT 36 UNION SELECT i + 1 FROM n WHERE i < 36) SELECT 'Ada' FROM n",
            1,
            "correct",
        ),
    ],
)
def test_queries(query: str, value: float, verdict: str) -> None:
    score = judged(query, OLD)
    assert (score.value, score.verdict) == (value, verdict)


def test_rows_may_be_given_instead_of_a_query() -> None:
    assert judged("SELECT age FROM t", {"setup": SETUP, "rows": [[20], [20], [36]]}).value == 1
    assert (
        judged("SELECT age FROM t", {"setup": SETUP, "rows": [[20], [20], [36]]}, order="strict").value == 0
    )


@pytest.mark.parametrize(
    "reference",
    [
        {"setup": SETUP},
        {"setup": SETUP, "sql": "SELECT 1", "rows": [[1]]},
        {"setup": "CREATE nonsense", "sql": "SELECT 1"},
        {"setup": SETUP, "sql": "SELECT nope FROM t"},
    ],
)
def test_a_database_or_right_query_that_fails_is_invalid(reference: dict[str, Any]) -> None:
    with pytest.raises(ItemInvalid):
        judged("SELECT 1", reference)


def test_the_bonus_of_sql_r1(judge: Any) -> None:
    answer = "```sql\nSELECT 1\n```"
    completion = f"<think>{'a' * 100}</think><answer>{answer}</answer>"
    expected = 0.5 * (100 + len(answer)) / 2048 + len("SELECT 1") / len(answer)
    assert judge({"type": "sql_length"}, completion).value == pytest.approx(expected)
    assert judge({"type": "sql_length"}, "no tags").value == 0
    assert json.dumps(judge({"type": "sql_length"}, completion).detail)
