"""`verifier worker` as it is typed, with the real engine."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from trainer_client import QueueVerifier, RequestRejected

RunWorker = Callable[..., psutil.Popen]


@pytest.fixture
def run_worker() -> Iterator[RunWorker]:
    started: list[psutil.Popen] = []

    def run(*options: str) -> psutil.Popen:
        command = [sys.executable, "-m", "verifier.cli", "worker", "--processes", "1", *options]
        started.append(psutil.Popen(command, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for process in started:
        with process:
            if process.poll() is None:
                process.kill()


def item(completion: str, answer: str = "5") -> dict[str, Any]:
    return {"completion": completion, "reference": {"answer": answer}}


def test_scores_like_the_service(run_worker: RunWorker, redis_url: str) -> None:
    worker = run_worker("--redis-url", redis_url, "--sandbox", "none")
    with QueueVerifier(redis_url, timeout=60) as verifier:
        items: Any = [item(r"so \boxed{5}"), item(r"so \boxed{6}"), {"completion": r"\boxed{5}"}]
        rewards: Any = [{"type": "math"}, {"type": "format", "preset": "boxed", "weight": 0.5}]
        response = verifier.score({"rewards": rewards, "items": items})
        right, wrong, without_reference = response["results"]
        assert (right["status"], right["reward"]) == ("ok", 1.5)
        assert wrong["reward"] == 0.5
        assert (without_reference["status"], without_reference["reward"]) == ("invalid", None)
        assert response["graders"]["math"] >= 1
        with pytest.raises(RequestRejected) as refused:
            verifier.score({"rewards": [{"type": "nonsense"}], "items": []})
        assert refused.value.code == "validation_failed"
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0


def test_code_without_a_sandbox_is_an_error_and_its_neighbours_are_scored(
    run_worker: RunWorker, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer_client.batch.REASK_S", 0.0)
    run_worker("--redis-url", redis_url, "--sandbox", "none")
    tests = {"type": "stdio", "cases": [{"stdin": "", "stdout": "1"}]}
    program: Any = {
        "completion": "```python\nprint(1)\n```",
        "reference": {"tests": tests},
        "rewards": [{"type": "code"}],
    }
    with QueueVerifier(redis_url, timeout=60) as verifier:
        items: Any = [program, item(r"\boxed{5}")]
        response = verifier.score({"rewards": [{"type": "math"}], "items": items})
    code, math = response["results"]
    assert code["status"] == "error" and code["reward"] is None
    assert code["error"] is not None and code["error"]["code"] == "sandbox_unavailable"
    assert math["reward"] == 1.0


def test_embedded_starts_a_redis_and_says_where(run_worker: RunWorker) -> None:
    worker = run_worker("--redis-url", "embedded", "--sandbox", "none")
    assert worker.stderr is not None
    said = json.loads(worker.stderr.readline())
    assert said["event"] == "embedded_redis"
    with QueueVerifier(said["url"], timeout=60) as verifier:
        request: Any = {"rewards": [{"type": "math"}], "items": [item(r"\boxed{5}")]}
        assert verifier.score(request)["results"][0]["reward"] == 1.0


def test_without_redis_it_says_so_and_ends(run_worker: RunWorker) -> None:
    worker = run_worker("--redis-url", "redis://user:secret@127.0.0.1:1/0")
    _, said = worker.communicate(timeout=30)
    assert worker.returncode == 2
    assert "Redis does not answer" in said
    assert "secret" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("options", [["--processes", "0"], ["--log-format", "loud"]])
def test_wrong_options_are_named(run_worker: RunWorker, options: list[str]) -> None:
    worker = run_worker(*options)
    _, said = worker.communicate(timeout=30)
    assert worker.returncode == 2
    assert options[0].removeprefix("--").replace("-", "_") in said
