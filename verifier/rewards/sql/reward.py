"""The type ``sql``: completion -> query -> sandbox -> rows -> score."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import Field, model_validator

from sandbox.client import SandboxUnavailable, UnusableTests
from sandbox.schema import ExecuteRequest, ExecuteResult, Limits
from verifier.errors import ErrorCode, ItemFaulted, ItemInvalid
from verifier.rewards.answers import shown
from verifier.rewards.base import (
    ReferenceModel,
    RemoteReward,
    RewardParameters,
    Sample,
    Score,
    read_reference,
)
from verifier.rewards.services import Services
from verifier.rewards.sql.extract import find_query
from verifier.rewards.sql.rows import Order, Rows, Types, is_ordered, same_rows
from verifier.rewards.sql.runner import MAX_ROWS, PROGRAM
from verifier.schema import JsonObject, Verdict

MAX_QUERY_CHARACTERS = 20_000


class SqlReference(ReferenceModel):
    """The database, and the right query or the rows it gives."""

    setup: str
    sql: str | None = None
    rows: list[list[Any]] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> SqlReference:
        if (self.sql is None) == (self.rows is None):
            raise ValueError("give either 'sql' or 'rows'")
        return self


class SqlParameters(RewardParameters):
    """What makes two results the same."""

    type: Literal["sql"]
    order: Order = "auto"
    """``auto``: rows come in order where the right query ends in ORDER BY (``rows`` alone: in any order)."""
    types: Types = "strict"
    """``loose``: text that is a number equals the number."""
    cpu_s: Annotated[float, Field(gt=0, le=600)] = 10.0


class SqlReward(RemoteReward[SqlParameters]):
    """1 when the query's rows are the right ones, else 0; a query that fails is a ``runtime_error``."""

    type_name = "sql"
    Parameters = SqlParameters

    async def score(self, sample: Sample, parameters: SqlParameters, services: Services) -> Score:
        """Run the query of one completion, and the right one."""
        reference = read_reference(sample, SqlReference)
        query = find_query(sample.completion)
        if query is None:
            return Score(0.0, Verdict.NO_ANSWER, {"reason": "no_query"})
        detail: JsonObject = {"query": shown(query)}
        if len(query) > MAX_QUERY_CHARACTERS:
            return Score(0.0, Verdict.RUNTIME_ERROR, {**detail, "reason": "too_long"})
        gold = await _gold_rows(reference, parameters, services)
        result = await _run(reference.setup, query, parameters, services)
        if result.status != "ok":
            return Score(0.0, Verdict(result.status), detail)
        mine = orjson.loads(result.stdout)
        if "rows" not in mine:
            return Score(0.0, Verdict.RUNTIME_ERROR, {**detail, "reason": str(mine.get("error"))[:200]})
        ordered = parameters.order == "strict" or (
            parameters.order == "auto" and reference.sql is not None and is_ordered(reference.sql)
        )
        same = same_rows(mine["rows"], gold, ordered=ordered, types=parameters.types)
        detail |= {"rows": len(mine["rows"]), "rows_expected": len(gold), "ordered": ordered}
        return Score(float(same), Verdict.CORRECT if same else Verdict.INCORRECT, detail)


async def _gold_rows(reference: SqlReference, parameters: SqlParameters, services: Services) -> Rows:
    """The right rows.

    Raises:
        ItemInvalid: the database cannot be set up, or the right query fails on it.
    """
    result = await _run(reference.setup, reference.sql or "SELECT 1", parameters, services)
    answer = orjson.loads(result.stdout) if result.status == "ok" else {}
    if "rows" not in answer:
        problem = answer.get("setup_error") or answer.get("error") or result.status
        raise ItemInvalid(
            ErrorCode.UNUSABLE_REFERENCE, f"reference: the database or the right query fails: {problem}"
        )
    rows: Rows = answer["rows"] if reference.rows is None else reference.rows
    if len(rows) > MAX_ROWS:
        raise ItemInvalid(ErrorCode.UNUSABLE_REFERENCE, f"reference.sql: gives more than {MAX_ROWS:,} rows")
    return rows


async def _run(setup: str, query: str, parameters: SqlParameters, services: Services) -> ExecuteResult:
    request = ExecuteRequest(
        code=PROGRAM,
        stdin=orjson.dumps({"setup": setup, "sql": query}).decode(),
        limits=Limits(cpu_s=parameters.cpu_s),
    )
    try:
        return await services.sandbox.execute(request)
    except UnusableTests as error:
        raise ItemInvalid(ErrorCode.UNUSABLE_PARAMETER, error.message) from None
    except SandboxUnavailable as error:
        starved = error.code == "starved"
        code = ErrorCode.SANDBOX_STARVED if starved else ErrorCode.SANDBOX_UNAVAILABLE
        raise ItemFaulted(code, error.message) from None
