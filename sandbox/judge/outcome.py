"""From what happened in a jail to a verdict."""

import os
import signal
from dataclasses import dataclass
from typing import Literal, Protocol

from sandbox.agent.program import COMPILE_ERROR
from sandbox.channel import STDERR_TAIL, Job, Run
from sandbox.schema import Limits

FailedVerdict = Literal["timeout", "memory_limit", "output_limit", "runtime_error", "compile_error"]


class Runner(Protocol):
    """Something that runs jobs in jails."""

    async def run(self, job: Job) -> Run:
        """Run one. Raises SandboxUnavailable."""
        ...


@dataclass(frozen=True)
class Failure:
    """Why a run did not end well."""

    verdict: FailedVerdict
    message: str


def failure_of(run: Run, limits: Limits) -> Failure | None:
    """How the run failed, or None if the program ended by itself with exit code 0."""
    report = run.report
    if report.oom_kills:
        return Failure("memory_limit", f"used more than {limits.memory_mb} MiB")
    if report.stopped == "cpu":
        return Failure("timeout", f"used more than {limits.cpu_s:g} s of CPU")
    if run.output_exceeded:
        return Failure("output_limit", f"wrote more than {limits.output_kb} KiB")
    if report.stopped == "wall":
        return Failure("timeout", f"was not done after {limits.wall_s:g} s, and did not wait for CPU")
    if report.status is None:
        return Failure(
            "runtime_error", "brought its jail down, alone and twice, while a control program passed"
        )
    return _failure_of_status(report.status, stderr_tail(run), limits)


def _failure_of_status(status: int, stderr: str, limits: Limits) -> Failure | None:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return Failure("timeout", f"used more than {limits.cpu_s:g} s of CPU")
        if number == signal.SIGXFSZ:
            return Failure("output_limit", f"wrote more than {limits.output_kb} KiB")
        return Failure("runtime_error", f"was ended by {signal.Signals(number).name}")
    code = os.WEXITSTATUS(status)
    if code == 0:
        return None
    if code == COMPILE_ERROR:
        return Failure("compile_error", "does not parse")
    if stderr.rstrip().rpartition("\n")[2].startswith("MemoryError"):
        return Failure("memory_limit", f"asked for more than {limits.memory_mb} MiB")
    return Failure("runtime_error", f"exit code {code}")


def exit_code(run: Run) -> int | None:
    """The program's exit code, if it came to one."""
    status = run.report.status
    return os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None


def stderr_tail(run: Run) -> str:
    """The end of stderr, as text."""
    return run.stderr[-STDERR_TAIL:].decode("utf-8", "replace")
