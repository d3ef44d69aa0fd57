"""Health, readiness, metrics, catalogues, keys, request ids, drain: what an operator relies on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.conftest import running_server

ITEM = {"completion": "\\boxed{1}", "reference": {"answer": "1"}}
BATCH = {"rewards": [{"type": "math"}], "items": [ITEM]}


def test_health_says_that_the_process_lives(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "alive"}


def test_ready_tells_each_capability_and_why_it_is_missing(client: httpx.Client) -> None:
    response = client.get("/ready")
    assert response.status_code == 200
    capabilities = response.json()["capabilities"]
    assert capabilities["math"] == {"ready": True}
    assert capabilities["code"]["ready"] is False and capabilities["code"]["reason"]
    assert capabilities["queue"]["ready"] is False and capabilities["queue"]["reason"]


def test_a_required_capability_makes_ready_strict(client: httpx.Client) -> None:
    response = client.get("/ready", params={"require": "code"})
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert client.get("/ready", params={"require": "math"}).status_code == 200


def test_metrics_count_verdicts_and_stages(client: httpx.Client) -> None:
    client.post("/score", json=BATCH)
    text = client.get("/metrics").text
    assert 'verifier_components_total{type="math",verdict="correct"}' in text
    assert 'verifier_methods_total{method="exact",type="math"}' in text


def test_every_reward_type_is_listed_with_version_schema_and_doc(client: httpx.Client) -> None:
    entries = {entry["type"]: entry for entry in client.get("/rewards").json()}
    assert {"math", "code", "format", "hostile"} <= entries.keys()
    for entry in entries.values():
        assert entry["version"] >= 1 and entry["doc"] and entry["parameters"]["properties"]


def test_presets_and_docs_are_served(client: httpx.Client) -> None:
    assert "deepseek_r1_zero" in [preset["name"] for preset in client.get("/presets").json()]
    assert client.get("/docs").status_code == 200
    assert client.get("/openapi.json").json()["paths"]["/score"]


def test_a_request_id_is_taken_or_made_and_returned(client: httpx.Client) -> None:
    given = client.post("/score", json=BATCH, headers={"x-request-id": "run-7.step-3"})
    assert given.headers["x-request-id"] == given.json()["request_id"] == "run-7.step-3"
    assert client.get("/health").headers["x-request-id"]
    forged = client.get("/health", headers={"x-request-id": "a b"}).headers["x-request-id"]
    assert forged != "a b"


def test_keys_are_asked_for_where_configured(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("# team a\nfirst-key\n\nsecond-key\n")
    log = tmp_path / "log"
    with running_server(log, "--sandbox", "none", "--api-key-file", str(keys)) as (url, _):
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic first-key"}):
            response = httpx.post(f"{url}/score", json=BATCH, headers=headers)
            assert response.status_code == 401
            assert response.json()["error"]["code"] == "unauthorized"
        for key in ("first-key", "second-key"):
            headers = {"authorization": f"Bearer {key}"}
            assert httpx.post(f"{url}/score", json=BATCH, headers=headers).status_code == 200
        assert httpx.get(f"{url}/health").status_code == 200
        assert httpx.get(f"{url}/ready").status_code == 200
        assert httpx.get(f"{url}/metrics").status_code == 401
    assert "first-key" not in log.read_text()


def test_an_open_door_to_the_world_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "verifier.cli", "serve", "--host", "0.0.0.0", "--sandbox", "none"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert "--api-key-file" in ended.stderr and "Traceback" not in ended.stderr


def test_sigterm_finishes_what_is_running_and_exits_0(tmp_path: Path) -> None:
    plugin = Path(__file__).parents[2] / "plugins" / "hostile.py"
    spin = {"rewards": [{"type": "hostile"}], "items": [{"completion": "spin"}]}
    answers: list[httpx.Response] = []
    log = tmp_path / "log"
    with running_server(log, "--sandbox", "none", "--plugin", str(plugin)) as (url, server):
        sender = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{url}/score", json=spin, timeout=60))
        )
        sender.start()
        while "verifier_items_in_flight 1.0" not in httpx.get(f"{url}/metrics").text:
            time.sleep(0.05)
        server.send_signal(signal.SIGTERM)
        sender.join()
        assert server.wait(30) == 0
    assert answers[0].status_code == 200
    assert answers[0].json()["results"][0]["components"][0]["verdict"] == "timeout"


def test_what_is_not_done_within_the_grace_is_refused_and_can_be_sent_again(tmp_path: Path) -> None:
    plugin = Path(__file__).parents[2] / "plugins" / "hostile.py"
    sleep = {"rewards": [{"type": "hostile"}], "items": [{"completion": "sleep"}]}
    answers: list[httpx.Response] = []
    options = ("--sandbox", "none", "--plugin", str(plugin), "--grace-s", "1")
    with running_server(tmp_path / "log", *options) as (url, server):
        sender = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{url}/score", json=sleep, timeout=60))
        )
        sender.start()
        while "verifier_items_in_flight 1.0" not in httpx.get(f"{url}/metrics").text:
            time.sleep(0.05)
        server.send_signal(signal.SIGTERM)
        sender.join()
        assert server.wait(30) == 0
    assert (answers[0].status_code, answers[0].json()["error"]["code"]) == (503, "draining")
    assert answers[0].headers["retry-after"]


def test_logs_are_json_with_the_request_id_and_without_completions(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running_server(log, "--sandbox", "none") as (url, _):
        batch = {"rewards": [{"type": "math"}], "items": [{**ITEM, "completion": "zq-private-zq"}]}
        httpx.post(f"{url}/score", json=batch, headers={"x-request-id": "the-id"})
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"scored", "request"} <= {line["event"] for line in lines if line.get("request_id") == "the-id"}
    assert "zq-private-zq" not in log.read_text()


@pytest.mark.parametrize("option", ["variable", "file"])
def test_options_are_also_variables_and_keys_of_a_file(tmp_path: Path, option: str) -> None:
    environment = {"VERIFIER_LOG_FORMAT": "console"}
    if option == "file":
        file = tmp_path / "verifier.toml"
        file.write_text('log_format = "console"\nsandbox = "none"\n')
        environment = {"VERIFIER_CONFIG": str(file)}
    log = tmp_path / "log"
    with running_server(log, "--sandbox", "none", **environment):
        pass
    assert not log.read_text().startswith("{")
