"""Run a program once, without judging it."""

import json

from sandbox.channel import Job
from sandbox.judge.outcome import Runner, exit_code, failure_of
from sandbox.schema import ExecuteRequest, ExecuteResult


async def execute(request: ExecuteRequest, runner: Runner) -> ExecuteResult:
    """Run it. Raises SandboxUnavailable."""
    run = await runner.run(
        Job(
            "execute",
            request.code.encode("utf-8", "surrogatepass"),
            request.limits,
            json.dumps({"files": request.files}).encode(),
            request.stdin.encode("utf-8", "surrogatepass"),
        )
    )
    failure = failure_of(run, request.limits)
    return ExecuteResult(
        status=failure.verdict if failure else "ok",
        stdout=run.stdout.decode("utf-8", "replace"),
        stderr=run.stderr.decode("utf-8", "replace"),
        exit_code=exit_code(run),
        cpu_ms=run.report.cpu_ms,
        wall_ms=run.report.wall_ms,
        memory_kb=run.report.memory_kb,
        message=failure.message if failure else "",
    )
