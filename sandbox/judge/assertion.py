"""Tests by Python assertions, which a tester runs against the candidate from a process of its own."""

import json
from collections.abc import AsyncIterator

from sandbox.channel import Job
from sandbox.errors import SandboxError, SandboxUnavailable, UnusableTests
from sandbox.judge.outcome import Runner
from sandbox.judge.series import Record, judge_series
from sandbox.schema import AssertTests, CaseResult, JudgeRequest, Verdict

INNOCENT = b""


class TestsFailed(Exception):
    """The tester could not judge. Whose fault it is remains to be seen."""

    def __init__(self, error: SandboxError) -> None:
        super().__init__(error.message)
        self.error = error


async def judge_asserts(
    request: JudgeRequest, tests: AssertTests, runner: Runner
) -> AsyncIterator[CaseResult]:
    """One result an assert, as they come. Raises UnusableTests where the tests fail by themselves."""
    total = len(tests.asserts[: request.max_tests])
    done = 0

    def make_job(first: int) -> Job:
        return _job(request, tests, request.code.encode("utf-8", "surrogatepass"), first)

    try:
        async for result in judge_series(runner, make_job, total, request.limits, _judge):
            done += 1
            yield result
    except TestsFailed as failed:
        await _raise_if_innocent_fails_too(_job(request, tests, INNOCENT, 0), runner, failed.error)
        for index in range(done, total):
            message = f"the tests fail with this program only: {failed.error.message}"
            yield CaseResult(index=index, verdict="runtime_error", message=message)


def _job(request: JudgeRequest, tests: AssertTests, program: bytes, first: int) -> Job:
    asserts = tests.asserts[first : request.max_tests]
    job = {"setup": tests.setup, "asserts": asserts, "entry_point": tests.entry_point}
    return Job("assert", program, request.limits, json.dumps(job).encode(), tests=len(asserts))


def _judge(_: int, record: Record) -> tuple[Verdict, str]:
    """Only the tester can write records here, so they are believed."""
    if record.get("passed") is True:
        return "correct", ""
    if "unusable" in record:
        raise TestsFailed(UnusableTests(record["unusable"]))
    if "fault" in record:
        raise TestsFailed(SandboxUnavailable("internal", f"the tester failed: {record['fault']}"))
    if "syntax" in record:
        return "compile_error", record["syntax"]
    return record["failed"], record["message"]


async def _raise_if_innocent_fails_too(job: Job, runner: Runner, error: SandboxError) -> None:
    """A candidate may fill the box, or confuse the tester, to be excused: then an empty program is not."""
    run = await runner.run(job)
    if b'"unusable"' in run.results or b'"fault"' in run.results:
        raise error
