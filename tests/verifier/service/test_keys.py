"""API keys: from a file, read again when told, each with limits of its own, and never shown."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import httpx

from tests.conftest import ROOT, running_server
from tests.verifier.service.waiting import await_true

PLUGIN = str(ROOT / "tests" / "plugins" / "hostile.py")
ITEM = {"completion": "\\boxed{1}", "reference": {"answer": "1"}}
BATCH = {"rewards": [{"type": "math"}], "items": [ITEM]}


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def test_keys_are_read_again_on_sighup_and_kept_where_that_fails(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("zq-old-zq\nzq-kept-zq\n")
    log = tmp_path / "log"
    with running_server(log, "--sandbox", "none", "--api-key-file", str(keys)) as (url, server):

        def status(key: str) -> int:
            return httpx.get(f"{url}/rewards", headers=bearer(key)).status_code

        keys.write_text("zq-new-zq\nzq-kept-zq\n")
        assert (status("zq-old-zq"), status("zq-new-zq")) == (200, 401)
        server.send_signal(signal.SIGHUP)
        await_true(lambda: "keys_reloaded" in log.read_text())
        assert (status("zq-old-zq"), status("zq-new-zq"), status("zq-kept-zq")) == (401, 200, 200)
        keys.unlink()
        server.send_signal(signal.SIGHUP)
        await_true(lambda: "keys_not_reloaded" in log.read_text())
        assert status("zq-new-zq") == 200
        shown = httpx.get(f"{url}/metrics", headers=bearer("zq-new-zq")).text
        shown += httpx.post(f"{url}/score", json=BATCH, headers=bearer("zq-wrong-zq")).text
        shown += httpx.get(f"{url}/nowhere?key=zq-new-zq", headers=bearer("zq-kept-zq")).text
    assert "zq-" not in shown + log.read_text()


def test_a_key_may_use_so_much_and_others_are_not_held_up(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("busy\nidle\n")
    options = ("--sandbox", "none", "--plugin", PLUGIN, "--api-key-file", str(keys))
    limits = ("--requests-at-once-per-key", "1")
    with running_server(tmp_path / "log", *options, *limits) as (url, _):
        slow = {"rewards": [{"type": "hostile"}], "items": [{"completion": "sleep"}], "deadline_s": 10.0}
        send = threading.Thread(
            target=lambda: httpx.post(f"{url}/score", json=slow, headers=bearer("busy"), timeout=60)
        )
        send.start()
        await_true(lambda: "in_flight 1.0" in httpx.get(f"{url}/metrics", headers=bearer("idle")).text)
        refused = httpx.post(f"{url}/score", json=BATCH, headers=bearer("busy"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "overloaded")
        assert refused.headers["retry-after"]
        assert httpx.post(f"{url}/score", json=BATCH, headers=bearer("idle")).status_code == 200
        send.join()
        assert httpx.post(f"{url}/score", json=BATCH, headers=bearer("busy")).status_code == 200


def test_requests_a_second_are_bounded_by_key(tmp_path: Path) -> None:
    options = ("--sandbox", "none", "--requests-per-s-per-key", "3")
    with running_server(tmp_path / "log", *options) as (url, _), httpx.Client(base_url=url) as client:
        answers = [client.get("/rewards") for _ in range(30)]
        assert {answer.status_code for answer in answers} == {200, 429}
        assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 429)
        assert {client.get("/health").status_code for _ in range(30)} == {200}


def test_every_answer_carries_the_headers_that_browsers_and_proxies_heed(client: httpx.Client) -> None:
    for response in (client.get("/health"), client.get("/nowhere"), client.post("/score", json=BATCH)):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
