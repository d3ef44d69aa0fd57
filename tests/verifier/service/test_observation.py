"""Metrics of every stage, and the audit sample."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from redis import Redis

from tests.conftest import ROOT, running_server
from trainer_client.embedded import EmbeddedRedis

PLUGIN = str(ROOT / "tests" / "plugins" / "hostile.py")
ITEM = {"completion": "\\boxed{1}", "reference": {"answer": "1"}}
BATCH = {"rewards": [{"type": "math"}], "items": [ITEM]}


def value(text: str, sample: str) -> float:
    """The value of one sample, 0 where it does not stand there yet."""
    found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.fixture(scope="module")
def redis() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as redis:
        yield redis


@pytest.fixture(scope="module")
def url(redis: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with a queue at which nobody works."""
    log = tmp_path_factory.mktemp("observed") / "log"
    options = ("--sandbox", "none", "--scoring-processes", "1", "--redis-url", redis.url, "--plugin", PLUGIN)
    with running_server(log, *options) as (url, _):
        yield url


def metrics(url: str) -> str:
    response = httpx.get(f"{url}/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    return response.text


def test_judgements_are_counted_by_type_verdict_and_time(url: str) -> None:
    before = metrics(url)
    items = [ITEM, ITEM, {**ITEM, "completion": "\\boxed{2}"}, {"completion": "x"}]
    assert httpx.post(f"{url}/score", json={**BATCH, "items": items}).status_code == 200
    after = metrics(url)
    for sample, more in (
        ('verifier_components_total{type="math",verdict="correct"}', 2),
        ('verifier_components_total{type="math",verdict="incorrect"}', 1),
        ('verifier_component_errors_total{code="missing_reference",type="math"}', 1),
        ('verifier_component_seconds_count{type="math"}', 4),
        ('verifier_component_seconds_bucket{le="+Inf",type="math"}', 4),
        ('verifier_items_total{status="ok"}', 3),
        ('verifier_items_total{status="invalid"}', 1),
        ("verifier_judged_total", 3),
        ('verifier_requests_total{path="/score",status="200"}', 1),
    ):
        assert value(after, sample) - value(before, sample) == more, sample


def test_refusals_are_counted_by_code_and_paths_are_bounded(url: str) -> None:
    before = metrics(url)
    httpx.post(f"{url}/score", json={})
    for number in range(20):
        httpx.get(f"{url}/nowhere-{number}")
    after = metrics(url)
    refused = 'verifier_requests_refused_total{code="validation_failed"}'
    assert value(after, refused) - value(before, refused) == 1
    other = 'verifier_requests_total{path="other",status="404"}'
    assert value(after, other) - value(before, other) == 20
    assert "nowhere" not in after


def test_scoring_processes_that_are_killed_show(url: str) -> None:
    before = metrics(url)
    hostile = [{"completion": "crash"}, {"completion": "spin"}]
    httpx.post(f"{url}/score", json={"rewards": [{"type": "hostile"}], "items": hostile}, timeout=60)
    after = metrics(url)
    for sample in ("repeats_total", "cpu_limits_total", "workers_started_total"):
        assert value(after, f"verifier_pool_{sample}") > value(before, f"verifier_pool_{sample}")


def test_the_queue_shows_how_long_it_is_and_how_old(url: str, redis: EmbeddedRedis) -> None:
    assert value(metrics(url), "verifier_queue_up") == 1
    job_id = httpx.post(f"{url}/jobs", json=BATCH).json()["job_id"]
    with Redis.from_url(redis.url) as queue:
        while not queue.llen("rq:queue:score"):
            pass
    text = metrics(url)
    assert value(text, "verifier_queue_jobs") == 1
    assert value(text, "verifier_queue_age_seconds") > 0
    assert value(text, "verifier_queue_workers") == 0
    assert value(text, "verifier_jobs_open") == 1
    httpx.delete(f"{url}/jobs/{job_id}")


def test_a_share_of_the_items_is_kept_with_verdicts_in_bounded_files(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    options = ("--audit-file", str(file), "--audit-share", "1", "--audit-max-mb", "1")
    big = {**ITEM, "completion": "a" * 200_000 + "\\boxed{1}"}
    with running_server(tmp_path / "log", "--sandbox", "none", *options) as (url, _):
        batch = {**BATCH, "items": [ITEM, {**ITEM, "id": "w", "completion": "\\boxed{2}"}], "run": "r7"}
        request_id = httpx.post(f"{url}/score", json=batch).headers["x-request-id"]
        entries = [json.loads(line) for line in file.read_text().splitlines()]
        for _ in range(20):
            httpx.post(f"{url}/score", json={**BATCH, "items": [big]})
    assert [entry["result"]["components"][0]["verdict"] for entry in entries] == ["correct", "incorrect"]
    assert [entry["item"]["completion"] for entry in entries] == ["\\boxed{1}", "\\boxed{2}"]
    assert {(entry["request_id"], entry["run"]) for entry in entries} == {(request_id, "r7")}
    assert {path.name for path in tmp_path.iterdir()} == {"audit.jsonl", "audit.jsonl.1", "log"}
    assert file.stat().st_size <= 1 << 20
    assert file.stat().st_mode & 0o077 == 0


def test_nothing_is_kept_unless_told(tmp_path: Path) -> None:
    with running_server(tmp_path / "log", "--sandbox", "none") as (url, _):
        httpx.post(f"{url}/score", json=BATCH)
    assert "boxed" not in (tmp_path / "log").read_text()
