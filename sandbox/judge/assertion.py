"""Tests by Python assertions, which a tester runs against the candidate from a process of its own."""

import json
from collections.abc import AsyncIterator

from sandbox.channel import Job, Run
from sandbox.errors import SandboxUnavailable, UnusableTests
from sandbox.judge.outcome import Runner
from sandbox.judge.series import Record, judge_series
from sandbox.schema import AssertTests, CaseResult, JudgeRequest, Verdict


def judge_asserts(request: JudgeRequest, tests: AssertTests, runner: Runner) -> AsyncIterator[CaseResult]:
    """One result an assert, as they come. Raises UnusableTests where the tests fail by themselves.

    Only the tester can write records here, so they are believed.
    """
    asserts = tests.asserts[: request.max_tests]

    def make_job(first: int) -> Job:
        job = {"setup": tests.setup, "asserts": asserts[first:], "entry_point": tests.entry_point}
        program = request.code.encode("utf-8", "surrogatepass")
        return Job("assert", program, request.limits, json.dumps(job).encode(), tests=len(asserts) - first)

    def judge(_: int, record: Record, run: Run) -> tuple[Verdict, str]:
        if record.get("passed") is True:
            return "correct", ""
        if run.report.oom_kills:
            return "memory_limit", f"used more than {request.limits.memory_mb} MiB"
        if "unusable" in record:
            raise UnusableTests(record["unusable"])
        if "fault" in record:
            raise SandboxUnavailable("internal", f"the tester failed: {record['fault']}")
        if "syntax" in record:
            return "compile_error", record["syntax"]
        return record["failed"], record["message"]

    return judge_series(runner, make_job, len(asserts), request.limits, judge)
