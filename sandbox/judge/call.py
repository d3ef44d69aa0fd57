"""Tests by calls of a function: values come out of the jail, expected ones never go in."""

import json
from collections.abc import AsyncIterator

from sandbox.agent.values import CannotCross, decode, encode
from sandbox.channel import Job
from sandbox.errors import UnusableTests
from sandbox.judge.compare import same_value
from sandbox.judge.outcome import Runner
from sandbox.judge.series import Record, judge_series
from sandbox.schema import CallTests, CaseResult, JudgeRequest, Verdict


def judge_call(request: JudgeRequest, tests: CallTests, runner: Runner) -> AsyncIterator[CaseResult]:
    """One result a case, as they come. Raises UnusableTests for values that are none."""
    cases = tests.cases[: request.max_tests]
    try:
        expected = [encode(decode(case.expected)) for case in cases]
        for case in cases:
            decode(case.args), decode(case.kwargs)
    except CannotCross as error:
        raise UnusableTests(f"a value of the tests cannot be read: {error}") from None

    def make_job(first: int) -> Job:
        rest = [{"args": case.args, "kwargs": case.kwargs} for case in cases[first:]]
        job = json.dumps({"function": tests.function, "cases": rest}).encode()
        program = request.code.encode("utf-8", "surrogatepass")
        return Job("call", program, request.limits, job, tests=len(rest))

    def judge(index: int, record: Record) -> tuple[Verdict, str]:
        if "syntax" in record:
            return "compile_error", str(record["syntax"])
        if "error" in record:
            return "runtime_error", str(record["error"])
        if "value" not in record:
            return "incorrect", str(record.get("no_value", "returned nothing that can be compared"))
        return ("correct" if same_value(record["value"], expected[index]) else "incorrect"), ""

    return judge_series(runner, make_job, len(cases), request.limits, judge)
