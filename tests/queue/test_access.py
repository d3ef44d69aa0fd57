"""Everything works for a Redis user with only the rights that the documentation lists."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from trainer_client import QueueVerifier
from verifier.queue.recovery import Executions, ScoreQueue

StartWorker = Callable[..., "subprocess.Popen[bytes]"]

DOCUMENT = Path(__file__).parents[2] / "docs" / "queue.md"


@pytest.fixture
def limited_url(redis: Redis, redis_url: str) -> str:
    """The URL of a user with the documented rights, and with the keys of the stub engine."""
    found = re.search(r"^user verifier (on .*)$", DOCUMENT.read_text(), re.M)
    assert found is not None
    redis.execute_command("ACL", "SETUSER", "verifier", "~stub:*", *found[1].split())
    return redis_url.replace("unix://", "unix://verifier:PASSWORD@")


def test_scores_stores_retries_cancels_and_recovers(
    start_worker: StartWorker, redis: Redis, limited_url: str
) -> None:
    start_worker(limited_url)
    start_worker(limited_url)
    texts = ["raise once a", "kill once b", "c"]
    items: Any = [{"completion": text, "reference": {"answer": "1" * 100_000}} for text in texts]
    with QueueVerifier(limited_url, max_items=1, timeout=60) as verifier:
        cancelled = verifier.submit({"rewards": [{"type": "stub"}], "items": [{"completion": "sleep 5"}]})
        response = verifier.score({"rewards": [{"type": "stub"}], "items": items})
        cancelled.cancel()
    assert [result["reward"] for result in response["results"]] == [len(text) for text in texts]
    denied: Any = redis.execute_command("ACL", "LOG")
    assert [entry for entry in denied if b"verifier" in entry] == []


def test_a_supervisor_gives_jobs_back(redis: Redis, limited_url: str) -> None:
    with Redis.from_url(limited_url, protocol=2) as limited:
        assert not Executions(ScoreQueue("score", limited)).abandon("nobody", crashed=True)
        ScoreQueue("score", limited).maintain()


@pytest.mark.parametrize(
    "command", ["FLUSHALL", "KEYS *", "CONFIG GET *", "EVAL x 0", "GET other", "SET other 1"]
)
def test_the_user_can_do_nothing_else(limited_url: str, command: str) -> None:
    with Redis.from_url(limited_url, protocol=2) as limited, pytest.raises(NoPermissionError):
        limited.execute_command(*command.split())
