"""Several tests in one run: a line when the program is loaded, a line a test, and another run for those
after a test that ended it.
"""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from sandbox.channel import Job, Run
from sandbox.judge.outcome import Failure, Runner, failure_of, stderr_tail
from sandbox.schema import CaseResult, Limits, Verdict

Record = dict[str, Any]
Judge = Callable[[int, Record], tuple[Verdict, str]]
LONGEST_MESSAGE = 1000


async def judge_series(
    runner: Runner, make_job: Callable[[int], Job], total: int, limits: Limits, judge: Judge
) -> AsyncIterator[CaseResult]:
    """Results of `total` tests. `make_job(n)` runs the tests from n on; `judge(n, record)` says what to make
    of what was recorded of test n.
    """
    done = 0
    while done < total:
        run = await runner.run(make_job(done))
        loaded, records = _records(run.results, total - done)
        for record in records:
            yield _case(done, run, *judge(done, record), record)
            done += 1
        if done == total:
            return
        failure = failure_of(run, limits) or Failure("runtime_error", "the program ended before it was done")
        last = done + 1 if loaded else total
        for index in range(done, last):
            yield _case(index, run, failure.verdict, failure.message, {})
        done = last


def _records(results: bytes, most: int) -> tuple[bool, list[Record]]:
    """Was the program loaded, and the leading lines that are what they should be.

    In a `call` run the candidate can write here too; it gains no more than by returning other values.
    """
    first, *lines = results.split(b"\n")
    records: list[Record] = []
    for line in lines[:-1][:most] if lines else []:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not isinstance(record, dict) or record.get("index") != len(records):
            break
        records.append(record)
    return first == b"loaded", records


def _case(index: int, run: Run, verdict: Verdict, message: str, record: Record) -> CaseResult:
    return CaseResult(
        index=index,
        verdict=verdict,
        cpu_ms=_milliseconds(record, "cpu_ms", run.report.cpu_ms),
        wall_ms=_milliseconds(record, "wall_ms", run.report.wall_ms),
        memory_kb=run.report.memory_kb,
        stderr_tail=stderr_tail(run),
        message=message[:LONGEST_MESSAGE],
    )


def _milliseconds(record: Record, key: str, otherwise: float) -> float:
    value = record.get(key)
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e9 else otherwise
