"""Judge programs by tests, outside the jail that runs them."""

from collections.abc import AsyncIterator

from sandbox.judge.assertion import judge_asserts
from sandbox.judge.call import judge_call
from sandbox.judge.outcome import Runner
from sandbox.judge.stdio import judge_stdio
from sandbox.schema import (
    AssertTests,
    CallTests,
    CaseResult,
    CompileResult,
    JudgeRequest,
    JudgeResult,
    StdioTests,
)

__all__ = ["Runner", "judge"]


async def judge(request: JudgeRequest, runner: Runner) -> JudgeResult:
    """Judge a program. Raises SandboxUnavailable or UnusableTests."""
    results: list[CaseResult] = []
    async for result in _results(request, runner):
        results.append(result)
        if result.verdict == "compile_error" or (request.stop_on_failure and result.verdict != "correct"):
            break
    total = len(request.tests.cases if not isinstance(request.tests, AssertTests) else request.tests.asserts)
    failed = next((result for result in results if result.verdict != "correct"), None)
    does_not_parse = failed is not None and failed.verdict == "compile_error"
    return JudgeResult(
        verdict=failed.verdict if failed else "correct",
        passed=sum(result.verdict == "correct" for result in results),
        total=min(total, request.max_tests or total),
        tests=results,
        compile=CompileResult(ok=False, message=failed.message or failed.stderr_tail)
        if failed and does_not_parse
        else None,
    )


def _results(request: JudgeRequest, runner: Runner) -> AsyncIterator[CaseResult]:
    tests = request.tests
    if isinstance(tests, StdioTests):
        return judge_stdio(request, tests, runner)
    if isinstance(tests, CallTests):
        return judge_call(request, tests, runner)
    return judge_asserts(request, tests, runner)
