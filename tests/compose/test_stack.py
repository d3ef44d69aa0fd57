"""The whole stack of docker-compose.yml, run for real under a project name and port of its own."""

import json
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
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
        """The names of the project's containers, those that have ended too."""
        return names("--filter", f"label=com.docker.compose.project={self.project}")

    def jails(self) -> list[str]:
        """The names of its sandbox's jails: they share a volume, and are not of the project."""
        return sorted({*names("--filter", f"volume={self.project}_jails")} - {*self.containers()})


def names(*filters: str) -> list[str]:
    """The names of all containers that pass the filters."""
    return docker("ps", "--all", "--format", "{{.Names}}", *filters).split()


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
    """The base to build on: as the environment says, else a local one if there is one, else public ones."""
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


@contextmanager
def running(*arguments: str) -> Iterator[Stack]:
    """A stack that serves; afterwards nothing is left of it."""
    stack = Stack()
    try:
        stack.compose("up", "--build", "--detach", "--wait", "--wait-timeout", "300", *arguments)
        yield stack
    finally:
        stack.compose("down", "--volumes")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack that all tests here share."""
    with running("--scale", "worker=2") as stack:
        yield stack


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


def test_workers_are_scaled(stack: Stack) -> None:
    assert len([name for name in stack.containers() if "-worker-" in name]) == 2


def test_jails_are_siblings_without_network(stack: Stack) -> None:
    jails = stack.jails()
    assert jails
    for jail in json.loads(docker("inspect", *jails)):
        assert jail["HostConfig"]["NetworkMode"] == "none"
        assert "com.docker.compose.project" not in jail["Config"]["Labels"]


def test_redis_may_restart(stack: Stack) -> None:
    stack.compose("restart", "redis")
    assert rewards(by_queue(stack)) == pytest.approx(REWARDS)
    test_a_request_is_scored(stack)


def test_the_sandbox_may_die(stack: Stack) -> None:
    """Its jails end with it, the daemon starts it again, and it begins with new ones."""
    before = stack.jails()
    docker("kill", f"{stack.project}-sandbox-1")
    docker("start", f"{stack.project}-sandbox-1")
    stack.compose("up", "--detach", "--wait", "--no-recreate", "--scale", "worker=2")
    assert not {*before} & {*stack.jails()}
    test_a_request_is_scored(stack)


def test_down_leaves_no_container() -> None:
    with running("sandbox") as stack:
        containers, jails = stack.containers(), stack.jails()
        assert containers and jails
        stack.compose("down")
        assert not {*containers, *jails} & {*names()}


@pytest.mark.timeout(1200)
def test_the_trainer_trains_through_the_queue(stack: Stack) -> None:
    """A run too short to learn much: it is scored to the end, and leaves its folder in the volume."""
    short = (
        "--name short --steps 2 --sft.max_steps 20 --sft.eval_problems 32 --eval_problems 32 --eval_samples 0"
    )
    stack.compose("--profile", "train", "run", "--build", "--rm", "--no-TTY", "trainer", *short.split())
    summary = stack.compose(
        *("--profile", "train", "run", "--rm", "--no-TTY", "--no-deps", "--entrypoint", "cat", "trainer"),
        "runs/short/summary.json",
    )
    assert json.loads(summary)["masked_fraction"] == 0
