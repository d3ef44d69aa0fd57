"""Tests by input and output: a run each, compared out here."""

from collections.abc import AsyncIterator

from sandbox.channel import Job, Run
from sandbox.judge.compare import same_output
from sandbox.judge.outcome import Runner, failure_of, stderr_tail
from sandbox.schema import CaseResult, JudgeRequest, StdioCase, StdioTests, Verdict


async def judge_stdio(request: JudgeRequest, tests: StdioTests, runner: Runner) -> AsyncIterator[CaseResult]:
    """One result a case, as they come."""
    program = request.code.encode("utf-8", "surrogatepass")
    for index, case in enumerate(tests.cases[: request.max_tests]):
        stdin = case.stdin.encode("utf-8", "surrogatepass")
        run = await runner.run(Job("program", program, request.limits, stdin=stdin))
        yield _result(index, run, case, request, tests)


def _result(index: int, run: Run, case: StdioCase, request: JudgeRequest, tests: StdioTests) -> CaseResult:
    failure = failure_of(run, request.limits)
    verdict: Verdict
    if failure:
        verdict = failure.verdict
    else:
        verdict = "correct" if same_output(run.stdout, case.stdout, tests.compare) else "incorrect"
    return CaseResult(
        index=index,
        verdict=verdict,
        cpu_ms=run.report.cpu_ms,
        wall_ms=run.report.wall_ms,
        memory_kb=run.report.memory_kb,
        stderr_tail=stderr_tail(run),
        message=failure.message if failure else "",
    )
