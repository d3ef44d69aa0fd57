"""The whole stack of docker-compose.yml, run for real under a project name and port of its own."""

import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
LOCAL_BASE = "rlvr-base:bookworm"  # made by .ci/run
PROGRAM = "a, b = map(int, input().split())\nprint(a + b)"

pytestmark = [pytest.mark.slow, pytest.mark.docker, pytest.mark.timeout(900)]


class Stack:
    """One compose project, apart from any other on this daemon."""

    def __init__(self) -> None:
        self.project = f"rlvr-test-{secrets.token_hex(4)}"
        self.port = free_port()
        self.key = secrets.token_hex(8)

    def compose(self, *arguments: str) -> str:
        """Run one compose command; what it prints."""
        settings = {"VERIFIER_PORT": str(self.port), "VERIFIER_API_KEY": self.key, "REDIS_PASSWORD": self.key}
        return docker(
            *("compose", "--project-name", self.project, "--project-directory", str(ROOT)),
            *("--env-file", os.devnull, *arguments),
            environment=settings | base_image(),
        )

    def client(self) -> httpx.Client:
        """A client of the published port, with the key."""
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=60,
        )

    def containers(self) -> list[str]:
        """Every container of this project, ended ones too, jails included."""
        return docker(
            "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.project}"
        ).split()


def docker(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """What one docker command prints."""
    done = subprocess.run(
        ["docker", *arguments],
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr[-4000:]}"
    return done.stdout


def base_image() -> dict[str, str]:
    """The base to build on: as the environment says, else a local one where there is one, else the public ones."""
    if "BASE" in os.environ or not docker("images", "--quiet", LOCAL_BASE):
        return {}
    return {"BASE": LOCAL_BASE}


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


REQUEST: dict[str, Any] = {
    "rewards": [{"type": "math"}, {"type": "format", "preset": "think_answer", "weight": 0.1}],
    "items": [
        {
            "id": "math",
            "completion": "<think>3/4</think><answer>\\boxed{0.75}</answer>",
            "reference": {"answer": "\\frac{3}{4}"},
        },
        {
            "id": "code",
            "completion": f"```python\n{PROGRAM}\n```",
            "reference": {"tests": {"type": "stdio", "cases": [{"stdin": "1 2\n", "stdout": "3\n"}]}},
            "rewards": [{"type": "code"}],
        },
        {
            "id": "wrong",
            "completion": "```python\nprint(4)\n```",
            "reference": {"tests": {"type": "stdio", "cases": [{"stdin": "1 2\n", "stdout": "3\n"}]}},
            "rewards": [{"type": "code"}],
        },
    ],
}
REWARDS = {"math": 1.1, "code": 1.0, "wrong": 0.0}

ENQUEUE = """
import json, os, sys, time
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
queue = Queue("score", Redis.from_url(os.environ["VERIFIER_REDIS_URL"]), serializer=JSONSerializer)
job = queue.enqueue("verifier.jobs.score_batch", json.loads(sys.argv[1]))
until = time.monotonic() + 60
while not job.is_finished and not job.is_failed and time.monotonic() < until:
    time.sleep(0.1)
    job.refresh()
print(json.dumps(job.return_value()))
"""


def rewards(response: dict[str, Any]) -> dict[str, float | None]:
    """Each item's reward by its id."""
    return {result["id"]: result["reward"] for result in response["results"]}


def by_queue(stack: Stack) -> dict[str, Any]:
    """The request scored by a job enqueued with plain RQ, from within the internal network."""
    answer = stack.compose("exec", "--no-TTY", "worker", "python3", "-c", ENQUEUE, json.dumps(REQUEST))
    return dict(json.loads(answer))


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A running stack; afterwards nothing is left of it, jails included."""
    stack = Stack()
    try:
        stack.compose("up", "--build", "--detach", "--wait", "--wait-timeout", "300")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "30")


def test_a_request_is_scored(stack: Stack) -> None:
    with stack.client() as client:
        answer = client.post("/score", json=REQUEST)
    assert answer.status_code == 200, answer.text
    assert rewards(answer.json()) == pytest.approx(REWARDS)


def test_a_job_is_scored(stack: Stack) -> None:
    assert rewards(by_queue(stack)) == pytest.approx(REWARDS)


def test_the_key_of_the_settings_is_asked_for(stack: Stack) -> None:
    with stack.client() as client:
        assert client.post("/score", json=REQUEST, headers={"Authorization": "Bearer no"}).status_code == 401


def test_redis_may_restart(stack: Stack) -> None:
    stack.compose("restart", "redis")
    assert rewards(by_queue(stack)) == pytest.approx(REWARDS)
    test_a_request_is_scored(stack)
