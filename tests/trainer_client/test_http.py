"""The HTTP client against a scripted server on loopback."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stamina

from trainer_client import HttpVerifier, RequestRejected, VerifierClosed

Reply = tuple[int, dict[str, str], Any]
Script = Callable[[dict[str, Any], int], Reply]
"""(request, how many came before) -> status, headers, body."""


def scored(request: dict[str, Any]) -> Reply:
    results = [
        {"index": i, "id": None, "status": "ok", "reward": float(item["completion"]), "components": []}
        for i, item in enumerate(request["items"])
    ]
    body = {"results": results, "graders": {}, "request_id": "r", "elapsed_ms": 1.0, "version": "1"}
    return 200, {}, body


class StubServer(ThreadingHTTPServer):
    """Answers by a script, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.asked: list[dict[str, Any]] = []
        self.authorization: set[str | None] = set()
        self.lock = threading.Lock()

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: StubServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            before = len(self.server.asked)
            self.server.asked.append(request)
            self.server.authorization.add(self.headers.get("Authorization"))
        status, headers, body = self.server.script(request, before)
        if status == 0:
            self.close_connection = True
            return
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def serve() -> Iterator[Callable[[Script], StubServer]]:
    servers: list[StubServer] = []

    def start(script: Script) -> StubServer:
        server = StubServer(script)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=5):
        yield


def items(count: int, **fields: Any) -> Any:
    return {"items": [{"completion": str(number), **fields} for number in range(count)]}


def refuse_first(status: int, headers: dict[str, str] | None = None) -> Script:
    def script(request: dict[str, Any], before: int) -> Reply:
        return (
            (status, headers or {}, {"error": {"code": "x", "message": "y"}})
            if not before
            else scored(request)
        )

    return script


def test_scores_and_sends_the_key(serve: Callable[[Script], StubServer]) -> None:
    server = serve(lambda request, _: scored(request))
    with HttpVerifier(server.url, api_key="secret") as verifier:
        response = verifier.score(items(3))
    assert [result["reward"] for result in response["results"]] == [0, 1, 2]
    assert server.authorization == {"Bearer secret"}


def test_splits_large_batches_and_joins_them_in_order(serve: Callable[[Script], StubServer]) -> None:
    server = serve(lambda request, _: scored(request))
    with HttpVerifier(server.url, max_items=4) as verifier:
        response = verifier.score(items(11))
    assert [result["reward"] for result in response["results"]] == list(range(11))
    assert sorted(len(request["items"]) for request in server.asked) == [3, 4, 4]


def test_can_be_awaited(serve: Callable[[Script], StubServer]) -> None:
    server = serve(lambda request, _: scored(request))

    async def two() -> list[Any]:
        return await asyncio.gather(verifier.score_async(items(1)), verifier.score_async(items(2)))

    with HttpVerifier(server.url) as verifier:
        first, second = asyncio.run(two())
    assert (len(first["results"]), len(second["results"])) == (1, 2)


@pytest.mark.parametrize("status", [0, 429, 500, 502, 503, 504])
def test_asks_again_when_refused_for_load_or_cut_off(
    serve: Callable[[Script], StubServer], status: int
) -> None:
    server = serve(refuse_first(status, {"Retry-After": "1"}))
    with HttpVerifier(server.url) as verifier:
        assert verifier.score(items(1))["results"][0]["status"] == "ok"
    assert len(server.asked) == 2


def test_a_service_that_stays_away_leaves_error_items() -> None:
    with StubServer(lambda request, _: scored(request)) as gone:
        url = gone.url
    with HttpVerifier(url) as verifier:
        (result,) = verifier.score(items(1))["results"]
    assert result["status"] == "error" and result["reward"] is None
    assert result["error"] is not None and result["error"]["code"] == "not_ready"
    assert result["error"]["retryable"]


def test_a_silent_service_is_given_up_after_the_timeout(serve: Callable[[Script], StubServer]) -> None:
    release = threading.Event()

    def silent(request: dict[str, Any], before: int) -> Reply:
        release.wait(20)
        return scored(request)

    server = serve(silent)
    with HttpVerifier(server.url, timeout=0.3) as verifier:
        (result,) = verifier.score(items(1))["results"]
    release.set()
    assert result["status"] == "error"


def test_faulted_items_are_asked_again_and_merged(
    serve: Callable[[Script], StubServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer_client.batch.REASK_S", 0.0)

    def script(request: dict[str, Any], before: int) -> Reply:
        reply = scored(request)
        if not before:
            reply[2]["results"][1] |= {
                "status": "error",
                "reward": None,
                "error": {"code": "sandbox_unavailable", "message": "", "retryable": True},
            }
        return reply

    server = serve(script)
    with HttpVerifier(server.url) as verifier:
        response = verifier.score(items(3))
    assert [result["reward"] for result in response["results"]] == [0, 1, 2]
    assert server.asked[1]["items"] == [{"completion": "1"}]


def test_a_refused_request_raises_and_is_not_repeated(serve: Callable[[Script], StubServer]) -> None:
    fields = [{"path": "items.0.rewards.0.type", "message": "unknown"}]
    body = {"error": {"code": "validation_failed", "message": "no", "fields": fields}}
    server = serve(lambda request, _: (422, {}, body))
    with HttpVerifier(server.url) as verifier, pytest.raises(RequestRejected) as caught:
        verifier.score(items(1))
    assert caught.value.code == "validation_failed"
    assert caught.value.fields == fields
    assert len(server.asked) == 1


def test_a_page_that_is_no_verifier_is_said_to_be_none(serve: Callable[[Script], StubServer]) -> None:
    server = serve(lambda request, _: (404, {}, b"<html>"))
    with HttpVerifier(server.url) as verifier, pytest.raises(RequestRejected, match="is no verifier"):
        verifier.score(items(1))


def test_closing_cancels_what_is_outstanding(serve: Callable[[Script], StubServer]) -> None:
    release, reached = threading.Event(), threading.Event()

    def silent(request: dict[str, Any], before: int) -> Reply:
        reached.set()
        release.wait(20)
        return scored(request)

    server = serve(silent)
    verifier = HttpVerifier(server.url)
    future = verifier.submit(items(1))
    assert reached.wait(10)
    verifier.close()
    release.set()
    with pytest.raises(CancelledError):
        future.result(timeout=10)
    with pytest.raises(VerifierClosed):
        verifier.submit(items(1))
