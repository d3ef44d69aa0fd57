"""Real sandboxes: one service for each runtime, shared by every test of a session."""

import asyncio
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.client import SandboxClient, open_sandbox
from sandbox.images import build_image
from sandbox.runtimes.docker import DEFAULT_IMAGE
from sandbox.schema import Capabilities, CaseResult, ExecuteRequest, ExecuteResult, JudgeRequest, JudgeResult

NOBODY = 65534
HONEST = "a, b = map(int, input().split())\nprint(a + b)\n"


class Sandbox:
    """A sandbox, asked from synchronous tests."""

    def __init__(self, runner: asyncio.Runner, client: SandboxClient) -> None:
        self._runner = runner
        self.client = client

    def judge(self, code: str, tests: dict[str, Any], **options: Any) -> JudgeResult:
        return self.judge_all([(code, tests)], **options)[0]

    def judge_all(self, programs: list[tuple[str, dict[str, Any]]], **options: Any) -> list[JudgeResult]:
        async def all_of_them() -> list[JudgeResult]:
            requests = [
                JudgeRequest.model_validate({"code": code, "tests": tests, **options})
                for code, tests in programs
            ]
            return await asyncio.gather(*map(self.client.judge, requests))

        return self._runner.run(all_of_them())

    def stdio(self, code: str, stdin: str = "", stdout: str = "", **options: Any) -> CaseResult:
        """The result of one `stdio` test."""
        compare = options.pop("compare", "tokens")
        case = {"stdin": stdin, "stdout": stdout}
        return self.judge(code, {"type": "stdio", "cases": [case], "compare": compare}, **options).tests[0]

    def call(
        self, code: str, args: list[Any], expected: Any, function: str = "f", **options: Any
    ) -> CaseResult:
        """The result of one `call` test."""
        case = {"args": args, "expected": expected}
        tests = {"type": "call", "function": function, "cases": [case]}
        return self.judge(code, tests, **options).tests[0]

    def asserts(self, code: str, *asserts: str, setup: str = "", **options: Any) -> list[str]:
        """The verdicts of an `assert` test."""
        tests = {"type": "assert", "setup": setup, "asserts": list(asserts)}
        tests |= {"entry_point": entry} if (entry := options.pop("entry_point", None)) else {}
        return [test.verdict for test in self.judge(code, tests, **options).tests]

    def execute(self, code: str, **options: Any) -> ExecuteResult:
        return self._runner.run(self.client.execute(ExecuteRequest(code=code, **options)))

    def ready(self) -> Capabilities:
        return self._runner.run(self.client.ready())

    def is_honest(self) -> bool:
        """Does an honest program pass, as often as there are jails, and a wrong one not?"""
        case = {"type": "stdio", "cases": [{"stdin": "1 2\n", "stdout": "3\n"}]}
        jails = self.ready().slots or 2
        honest = self.judge_all([(HONEST, case)] * jails)
        wrong = self.judge_all([("print(4)", case)] * jails)
        return {r.verdict for r in honest} == {"correct"} and {r.verdict for r in wrong} == {"incorrect"}


@contextmanager
def entered(
    runner: asyncio.Runner, context: AbstractAsyncContextManager[SandboxClient]
) -> Iterator[SandboxClient]:
    """An asynchronous context, entered from synchronous code."""
    client = runner.run(_enter(context))
    try:
        yield client
    finally:
        runner.run(context.__aexit__(None, None, None))


async def _enter(context: AbstractAsyncContextManager[SandboxClient]) -> SandboxClient:
    return await context.__aenter__()


def jail_image() -> None:
    """Build the image if this version's is not there yet."""
    from docker.client import DockerClient
    from docker.errors import ImageNotFound

    client = DockerClient.from_env()
    try:
        client.images.get(DEFAULT_IMAGE)
    except ImageNotFound:
        for _ in build_image(DEFAULT_IMAGE, os.environ.get("BASE")):
            pass
    finally:
        client.close()


AS_NOBODY = """
set -e
mount --bind "$REPOSITORY" "$HERE/repository"
mount --bind "$PACKAGES" "$HERE/packages"
export PYTHONPATH="$HERE/repository:$HERE/packages" HOME=/tmp
cd /
exec setpriv --reuid 65534 --regid 65534 --clear-groups "$INTERPRETER" -m sandbox serve \\
    --runtime local --accept-reduced-limits --until-eof --uds "$HERE/socket/http"
"""


@contextmanager
def unprivileged_service() -> Iterator[str]:
    """A local service of a user without any rights, who can read no more of this machine than it needs."""
    interpreter = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
    if not interpreter.exists():
        pytest.skip(f"there is no {interpreter}, which an ordinary user could run")
    with tempfile.TemporaryDirectory() as here:
        Path(here).chmod(0o755)
        for name in ("repository", "packages", "socket"):
            (Path(here) / name).mkdir()
        os.chown(f"{here}/socket", NOBODY, NOBODY)
        service = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", AS_NOBODY],
            stdin=subprocess.PIPE,
            env={
                "PATH": os.defpath,
                "HERE": here,
                "REPOSITORY": str(Path(__file__).parents[2]),
                "PACKAGES": sysconfig.get_path("purelib"),
                "INTERPRETER": str(interpreter),
            },
        )
        try:
            yield f"unix://{here}/socket/http"
        finally:
            service.communicate(timeout=60)


@contextmanager
def sandbox_of(kind: str) -> Iterator[Sandbox]:
    """A running sandbox of that kind; skips where it cannot be had."""
    with asyncio.Runner() as runner, ExitStack() as stack:
        target = kind
        if kind == "docker":
            jail_image()
        if kind == "unprivileged":
            if os.geteuid() != 0:
                pytest.skip("this user is an ordinary one: `local` is the same")
            target = stack.enter_context(unprivileged_service())
        client = stack.enter_context(entered(runner, open_sandbox(target)))
        sandbox = Sandbox(runner, client)
        for _ in range(200):
            if (capabilities := sandbox.ready()).ready:
                break
            runner.run(asyncio.sleep(0.1))
        else:
            pytest.skip(f"no {kind} sandbox here: {capabilities.reason}")
        yield sandbox


RUNTIMES = [
    pytest.param("docker", marks=pytest.mark.docker),
    "local",
    pytest.param("unprivileged", marks=pytest.mark.slow),
]


@pytest.fixture(scope="session", params=RUNTIMES)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """One sandbox of each runtime."""
    with sandbox_of(request.param) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def local_sandbox() -> Iterator[Sandbox]:
    """A sandbox without Docker, for what does not depend on the runtime."""
    with sandbox_of("local") as sandbox:
        yield sandbox
