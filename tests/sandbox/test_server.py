"""The service's edges over HTTP."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.schema import STARTING, ErrorReply
from tests.conftest import free_port
from tests.sandbox.conftest import HONEST

KEY = "a-secret-key"
CASE = {"type": "stdio", "cases": [{"stdin": "1 2", "stdout": "3"}]}
HONEST_REQUEST = {"code": HONEST, "tests": CASE}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`sandbox serve` with a key and a small queue."""
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(f"# ours\n{KEY}\n")
    port = free_port()
    options = ["--port", str(port), "--slots", "1", "--max-waiting", "3", "--api-key-file", str(keys)]
    log = (keys.parent / "log").open("w+")
    service = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "serve", "--runtime", "local", *options], stderr=log
    )
    try:
        asyncio.run(_until_ready(f"http://127.0.0.1:{port}"))
        yield f"http://127.0.0.1:{port}"
    finally:
        service.terminate()
        code = service.wait(60)
        log.seek(0)
        text = log.read()
        log.close()
    assert code == 0
    assert KEY not in text
    assert all(json.loads(line)["event"] for line in text.splitlines())


async def _until_ready(url: str) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(60):
        while True:
            try:
                capabilities = (await client.get(f"{url}/ready")).json()
                if capabilities["ready"]:
                    return
                if capabilities["reason"] != STARTING:
                    pytest.skip(capabilities["reason"])
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60) as client:
        yield client


def error(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, ErrorReply.model_validate_json(response.content).error.code


def test_judge_and_execute(http: httpx.Client) -> None:
    assert http.post("/judge", json=HONEST_REQUEST).json()["verdict"] == "correct"
    assert http.post("/execute", json={"code": "print(1)"}).json()["stdout"] == "1\n"


def test_every_fault_has_one_shape(http: httpx.Client) -> None:
    def judge(**changes: object) -> httpx.Response:
        return http.post("/judge", json=HONEST_REQUEST | changes)

    assert error(judge(surprise=1)) == (422, "invalid_request")
    assert error(judge(language="cobol")) == (422, "invalid_request")
    assert error(judge(tests={"type": "stdio", "cases": []})) == (422, "invalid_request")
    assert error(judge(limits={"cpu_s": 1e6})) == (422, "invalid_request")
    assert error(judge(limits={"cpu_s": 1000})) == (422, "unusable_tests")
    assert error(http.post("/judge", content=b"{")) == (422, "invalid_request")
    assert error(http.get("/nowhere")) == (404, "not_found")
    assert error(http.get("/judge")) == (405, "method_not_allowed")


def test_an_invalid_request_names_the_field_and_does_not_echo_it(http: httpx.Client) -> None:
    reply = http.post("/judge", json=HONEST_REQUEST | {"max_tests": "a secret of mine"})
    assert [field["path"] for field in reply.json()["error"]["fields"]] == ["max_tests"]
    assert "a secret of mine" not in reply.text


def test_broken_json_is_400(http: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    assert error(http.post("/judge", content=b"{", headers=headers)) == (400, "invalid_json")


def test_a_huge_body_is_refused(http: httpx.Client) -> None:
    body = b'{"code": "' + b"x" * (65 << 20) + b'"}'
    assert error(http.post("/judge", content=body, headers={"Content-Type": "application/json"}))[0] == 413


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}])
def test_a_key_is_needed_except_for_health_and_ready(url: str, header: dict[str, str]) -> None:
    with httpx.Client(base_url=url, headers=header) as client:
        assert error(client.post("/judge", json=HONEST_REQUEST)) == (401, "unauthorized")
        assert error(client.get("/metrics")) == (401, "unauthorized")
        assert client.get("/health").status_code == 200
        assert client.get("/ready").json()["ready"]


def test_a_full_queue_is_429(url: str) -> None:
    async def overload() -> list[int]:
        slow = {"code": "import time; time.sleep(1.5)", "tests": CASE}
        async with httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60
        ) as http:
            responses = await asyncio.gather(*(http.post("/judge", json=slow) for _ in range(5)))
        assert all("Retry-After" in r.headers for r in responses if r.status_code == 429)
        return sorted(response.status_code for response in responses)

    assert asyncio.run(overload()) == [200, 200, 200, 429, 429]


def test_who_hangs_up_leaves_the_queue(url: str, http: httpx.Client) -> None:
    endless = {"code": "import time; time.sleep(300)", "tests": CASE, "limits": {"wall_s": 300}}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{url}/judge", json=endless, headers=dict(http.headers), timeout=1)
    assert http.post("/judge", json=HONEST_REQUEST).json()["verdict"] == "correct"


def test_metrics_and_languages(http: httpx.Client) -> None:
    http.post("/judge", json=HONEST_REQUEST)
    assert 'sandbox_tests_total{verdict="correct"}' in http.get("/metrics").text
    assert http.get("/languages").json()["python"].startswith("3.")


def test_an_open_door_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox", "serve", "--host", "0.0.0.0"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    assert "--api-key-file" in refused.stderr


def test_unknown_keys_of_a_settings_file_are_refused(tmp_path: Path) -> None:
    settings = tmp_path / "sandbox.toml"
    settings.write_text("slotz = 3\n")
    command = [sys.executable, "-m", "sandbox", "serve", "--config", str(settings)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    assert "slotz" in refused.stderr
