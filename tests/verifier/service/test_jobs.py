"""``/jobs`` as its users see it: a real service, a real Redis, real workers."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from tests.conftest import ROOT, running_server
from tests.verifier.service.waiting import await_true
from trainer_client.embedded import EmbeddedRedis

PLUGIN = str(ROOT / "tests" / "plugins" / "hostile.py")
HOSTILE = [{"type": "hostile"}]
RIGHT = {"completion": "\\boxed{1}", "reference": "one"}
WRONG = {"completion": "\\boxed{2}", "reference": "one"}
ONE = {"one": {"answer": "1"}}


def batch(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"rewards": [{"type": "math"}], "references": ONE, "items": list(items), **more}


@contextmanager
def running_worker(redis_url: str) -> Iterator[None]:
    options = ["--redis-url", redis_url, "--processes", "1", "--sandbox", "none", "--plugin", PLUGIN]
    worker = subprocess.Popen(
        [sys.executable, "-m", "verifier.cli", "worker", *options], stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with EmbeddedRedis() as redis:
        yield redis.url


@pytest.fixture(scope="module")
def server(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with a Redis, two API keys and one worker."""
    directory = tmp_path_factory.mktemp("jobs")
    keys = directory / "keys"
    keys.write_text("key-a\nkey-b\n")
    options = ["--sandbox", "none", "--scoring-processes", "1", "--redis-url", redis_url, "--plugin", PLUGIN]
    with ExitStack() as stack:
        stack.enter_context(running_worker(redis_url))
        url, _ = stack.enter_context(running_server(directory / "log", *options, "--api-key-file", str(keys)))
        yield url


@pytest.fixture
def client(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server, timeout=90, headers={"authorization": "Bearer key-a"}) as client:
        yield client


def submit(client: httpx.Client, body: dict[str, Any], **headers: str) -> str:
    response = client.post("/jobs", json=body, headers=headers)
    assert response.status_code == 202, response.text
    job_id: str = response.json()["job_id"]
    return job_id


def finished(client: httpx.Client, job_id: str) -> dict[str, Any]:
    state: dict[str, Any] = client.get(f"/jobs/{job_id}", params={"wait": 60}).json()
    return state


def test_a_job_gives_the_response_of_score(client: httpx.Client) -> None:
    job_id = submit(client, batch({**RIGHT, "id": "a"}, WRONG))
    state = finished(client, job_id)
    assert (state["job_id"], state["status"], state["error"]) == (job_id, "finished", None)
    score = client.post("/score", json=batch({**RIGHT, "id": "a"}, WRONG)).json()
    assert state["result"].keys() == score.keys()
    shown = [(r["id"], r["index"], r["status"], r["reward"]) for r in state["result"]["results"]]
    assert shown == [("a", 0, "ok", 1.0), (None, 1, "ok", 0.0)]
    assert state["result"]["graders"] == score["graders"]


def test_a_result_is_fetched_again_until_it_expires(client: httpx.Client, redis_url: str) -> None:
    job_id = submit(client, batch(RIGHT))
    first = finished(client, job_id)
    assert finished(client, job_id) == first
    with Redis.from_url(redis_url) as redis:
        for key in (f"verifier:job:{job_id}", f"verifier:job:{job_id}:results"):
            assert 0 < redis.ttl(key) <= 3600
        assert not redis.exists(f"verifier:job:{job_id}:lease")
        assert not redis.hexists(f"verifier:job:{job_id}", "request")
        redis.delete(f"verifier:job:{job_id}")
    assert client.get(f"/jobs/{job_id}").status_code == 404


def test_a_large_batch_is_split_and_comes_back_in_order(client: httpx.Client) -> None:
    items = [{**(RIGHT if n % 3 else WRONG), "id": str(n)} for n in range(300)]
    results = finished(client, submit(client, batch(*items)))["result"]["results"]
    assert [result["id"] for result in results] == [str(n) for n in range(300)]
    assert [result["reward"] for result in results] == [float(bool(n % 3)) for n in range(300)]


def test_an_empty_batch_is_a_job_too(client: httpx.Client) -> None:
    assert finished(client, submit(client, batch()))["result"]["results"] == []


def test_results_come_as_they_are_done_each_once(client: httpx.Client) -> None:
    items = [{**RIGHT, "id": str(n)} for n in range(200)]
    job_id = submit(client, batch(*items))
    seen: list[int] = []
    while True:
        page = client.get(f"/jobs/{job_id}/results", params={"after": len(seen), "wait": 30}).json()
        seen += [result["index"] for result in page["results"]]
        assert page["next"] == len(seen)
        if page["status"] == "finished" and not page["results"]:
            break
    assert sorted(seen) == list(range(200))


def test_the_first_results_do_not_wait_for_the_last(client: httpx.Client) -> None:
    quick = [{"completion": "x"}] * 64
    items = [*quick, {"completion": "sleep"}]
    job_id = submit(client, {"rewards": HOSTILE, "items": items, "deadline_s": 8.0})
    page = client.get(f"/jobs/{job_id}/results", params={"wait": 60}).json()
    assert (page["status"], len(page["results"])) == ("started", 64)
    state = finished(client, job_id)  # what is not done by the deadline is an error
    assert state["status"] == "finished"
    *done, late = state["result"]["results"]
    assert {result["reward"] for result in done} == {1.0}
    assert (late["status"], late["error"]["code"]) == ("error", "deadline")


def test_an_idempotency_key_makes_one_job_of_many_requests(client: httpx.Client) -> None:
    key = {"idempotency-key": f"step-{time.time()}"}
    first = submit(client, batch(RIGHT), **key)
    assert submit(client, batch(RIGHT), **key) == first
    conflict = client.post("/jobs", json=batch(WRONG), headers=key)
    assert (conflict.status_code, conflict.json()["error"]["code"]) == (422, "idempotency_conflict")
    other = {**key, "authorization": "Bearer key-b"}
    assert submit(client, batch(RIGHT), **other) != first
    assert submit(client, batch(RIGHT)) != first


def test_a_job_is_shown_to_its_own_key_alone(client: httpx.Client) -> None:
    job_id = submit(client, batch(RIGHT))
    other = {"authorization": "Bearer key-b"}
    assert client.get(f"/jobs/{job_id}", headers=other).status_code == 404
    assert client.get(f"/jobs/{job_id}/results", headers=other).status_code == 404
    assert client.delete(f"/jobs/{job_id}", headers=other).status_code == 404
    assert finished(client, job_id)["status"] == "finished"


def test_what_score_refuses_is_no_job(client: httpx.Client) -> None:
    for body, status in (
        ({"items": [RIGHT]}, 422),
        (batch(RIGHT, graders={"math": 999}), 409),
        (batch(*[RIGHT] * 5000), 413),
    ):
        assert client.post("/jobs", json=body).status_code == status
    assert client.post("/jobs", content=b"{", headers={"content-type": "text/plain"}).status_code == 415
    assert client.get("/jobs/nobody").json()["error"]["code"] == "not_found"
    assert client.get("/jobs/nobody", params={"wait": "nan"}).status_code == 422


def test_without_a_redis_there_are_no_jobs(server_url: str) -> None:
    for response in (httpx.post(f"{server_url}/jobs", json=batch(RIGHT)), httpx.get(f"{server_url}/jobs/x")):
        assert (response.status_code, response.json()["error"]["code"]) == (503, "queue_unavailable")
        assert response.headers["retry-after"]


def test_a_redis_that_is_gone_is_503_and_breaks_nothing_else(tmp_path: Path) -> None:
    with EmbeddedRedis() as redis:
        url = redis.url
    options = ("--sandbox", "none", "--scoring-processes", "1", "--redis-url", url)
    with running_server(tmp_path / "log", *options) as (server, _):
        response = httpx.post(f"{server}/jobs", json=batch(RIGHT))
        assert (response.status_code, response.json()["error"]["code"]) == (503, "queue_unavailable")
        assert httpx.post(f"{server}/score", json=batch(RIGHT)).status_code == 200
        assert httpx.get(f"{server}/ready", params={"require": "queue"}).status_code == 503


def test_a_cancelled_job_leaves_the_queue_and_a_killed_service_loses_none(tmp_path: Path) -> None:
    """The next service on the same Redis goes on where it was; no item is told of twice."""
    with EmbeddedRedis() as redis:
        options = (
            "--sandbox",
            "none",
            "--scoring-processes",
            "1",
            "--redis-url",
            redis.url,
            "--plugin",
            PLUGIN,
        )
        items = [{"completion": "x", "id": str(n)} for n in range(256)]
        with running_server(tmp_path / "first", *options) as (url, process):
            with httpx.Client(base_url=url) as client, Redis.from_url(redis.url) as queue:
                cancelled = submit(client, {"rewards": HOSTILE, "items": items})
                await_true(lambda: queue.llen("rq:queue:score") > 0)
                for response in (client.delete(f"/jobs/{cancelled}"), client.delete(f"/jobs/{cancelled}")):
                    assert response.json()["status"] == "canceled"
                await_true(lambda: not list(queue.scan_iter("rq:job:*")))
                job_id = submit(client, {"rewards": HOSTILE, "items": items})
                assert client.get(f"/jobs/{job_id}", params={"wait": 0.1}).json()["status"] == "queued"
            process.kill()
            process.wait()
        with running_worker(redis.url), running_server(tmp_path / "second", *options) as (url, _):
            with httpx.Client(base_url=url, timeout=90) as client:
                state = finished(client, job_id)
                assert client.get(f"/jobs/{cancelled}").json()["status"] == "canceled"
            assert state["status"] == "finished"
            assert [result["id"] for result in state["result"]["results"]] == [str(n) for n in range(256)]
