"""Hostile HTTP below the JSON: slow, flooding, malformed, leaving. Right status, one error shape, no 500."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.conftest import ROOT, running_server
from tests.verifier.service.waiting import await_true

ITEM = {"completion": "\\boxed{1}", "reference": {"answer": "1"}}
BATCH = json.dumps({"rewards": [{"type": "math"}], "items": [ITEM]}).encode()
POST = b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
WHOLE = POST + b"content-length: %d\r\n\r\n%s" % (len(BATCH), BATCH)


def connect(url: str) -> socket.socket:
    target = urlsplit(url)
    return socket.create_connection((str(target.hostname), int(target.port or 0)), timeout=30)


def read_all(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    received = b""
    while chunk := connection.recv(1 << 16):
        received += chunk
    return received


def exchange(url: str, sent: bytes) -> bytes:
    with connect(url) as connection:
        connection.sendall(sent)
        return read_all(connection)


def refusal(answer: bytes) -> tuple[int, str]:
    """Status and code of a refusal, whose shape is checked."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nx-request-id: " in head.lower()
    error = json.loads(body)["error"]
    assert error.keys() <= {"code", "message", "fields"}
    return int(head.split()[1]), error["code"]


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        POST + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        POST + b"content-length: -1\r\n\r\n",
        POST + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
        POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost : x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /health HTTP/9.9\r\nhost: x\r\n\r\n",
    ],
    ids=[
        "text",
        "tls",
        "two-lengths",
        "negative",
        "length-and-chunks",
        "chunk",
        "path",
        "url",
        "space",
        "h2",
        "9",
    ],
)
def test_what_is_not_http_is_400(server_url: str, sent: bytes) -> None:
    assert refusal(exchange(server_url, sent)) == (400, "malformed_http")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health HTTP/1.1\r\n" + b"".join(b"x-%d: 1\r\n" % number for number in range(5000)),
        b"GET /health HTTP/1.1\r\nx: " + b"a" * 100_000 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n",
        b"GET /health HTTP/1.1\r\nx: " + b"a" * 1_000_000,
    ],
    ids=["many", "long", "path", "endless"],
)
def test_a_flood_of_headers_is_431(server_url: str, head: bytes) -> None:
    assert refusal(exchange(server_url, head + b"\r\n")) == (431, "headers_too_large")


@pytest.mark.parametrize(
    "path",
    ["/" + "a" * 10_000, "/../../etc/passwd", "/%2e%2e/%00", "/score/", "//score", "/%ff%fe", "*"],
)
def test_absurd_paths_are_not_found(server_url: str, path: str) -> None:
    answer = exchange(server_url, f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    assert refusal(answer) == (404, "not_found")


def test_http_1_0_is_answered_and_closed(server_url: str) -> None:
    answer = exchange(server_url, WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert statuses(answer) == [200]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["results"][0]["reward"] == 1.0


def test_pipelined_requests_are_answered_in_order(server_url: str) -> None:
    last = b"GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    assert statuses(exchange(server_url, WHOLE * 20 + last)) == [200] * 20 + [404]


def test_head_answers_as_get_does_without_the_body(client: httpx.Client) -> None:
    for path in ("/health", "/rewards", "/openapi.json", "/nowhere"):
        head, get = client.head(path), client.get(path)
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert head.headers["content-length"] == get.headers["content-length"]
    assert client.head("/score").status_code == 405


def test_options_and_unknown_methods_are_405(client: httpx.Client) -> None:
    for method in ("OPTIONS", "TRACE", "PATCH", "PROPFIND"):
        response = client.request(method, "/score")
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
        assert response.json()["error"]["code"] == "method_not_allowed"


def test_an_upgrade_is_declined(client: httpx.Client) -> None:
    headers = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    assert client.get("/health", headers=headers).status_code == 200


def test_a_sender_who_waits_for_100_continue_is_told_to_go_on(server_url: str) -> None:
    with connect(server_url) as connection:
        connection.sendall(WHOLE.partition(b"\r\n\r\n")[0] + b"\r\nexpect: 100-continue\r\n\r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 100 ")
        connection.sendall(BATCH)
        assert b" 200 " in connection.recv(1 << 16)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that gives a sender one second."""
    log = tmp_path_factory.mktemp("impatient") / "log"
    with running_server(log, "--sandbox", "none", "--receive-timeout-s", "1") as (url, _):
        yield url


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A server of small bounds, and its process id."""
    log = tmp_path_factory.mktemp("small") / "log"
    plugin = ROOT / "tests" / "plugins" / "hostile.py"
    bounds = ("--max-connections", "20", "--max-held-mb", "64", "--max-items-in-flight", "4")
    options = ("--sandbox", "none", "--scoring-processes", "2", "--plugin", str(plugin))
    with running_server(log, *options, *bounds) as (url, server):
        yield url, server.pid


@pytest.mark.parametrize(
    "sent",
    [b"", b"POST /score HTTP/1.1\r\nhost:", POST + b"content-length: 100\r\n\r\n{"],
    ids=["nothing", "head", "body"],
)
def test_a_sender_who_stops_is_refused(impatient: str, sent: bytes) -> None:
    assert refusal(exchange(impatient, sent)) == (408, "too_slow")


@pytest.mark.parametrize("target", [b"GET /health", b"POST /score"])
def test_a_sender_who_trickles_is_refused(impatient: str, target: bytes) -> None:
    """A byte now and then keeps no connection open, wherever the trickle is: in the head, or in a body."""
    head = target + b" HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    for start in (head + b"x: ", head + b"content-length: 1000\r\n\r\n"):
        with connect(impatient) as connection:
            connection.sendall(start)
            with pytest.raises(ConnectionError):
                for _ in range(600):
                    time.sleep(0.05)
                    connection.sendall(b"a")


def test_connections_beyond_the_bound_are_refused_and_those_within_it_served(small: tuple[str, int]) -> None:
    url, _ = small
    with httpx.Client(base_url=url) as client, ExitStack() as stack:
        client.get("/health")
        held = [stack.enter_context(connect(url)) for _ in range(19)]
        assert refusal(exchange(url, b"")) == (429, "overloaded")
        assert client.get("/health").status_code == 200
        assert all(held)
    await_true(lambda: httpx.get(f"{url}/health").status_code == 200)


def test_large_bodies_at_once_are_refused_rather_than_held(small: tuple[str, int]) -> None:
    url, pid = small

    async def send(client: httpx.AsyncClient) -> httpx.Response:
        padded = BATCH[:-1] + b" " * (20 << 20) + b"}"
        return await client.post("/score", content=padded, headers={"content-type": "application/json"})

    async def flood() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=16)
        async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
            return await asyncio.gather(*(send(client) for _ in range(16)))

    before = psutil.Process(pid).memory_info().rss
    answers = asyncio.run(flood())
    seen = {answer.status_code for answer in answers}
    assert seen <= {200, 429} and 200 in seen
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 429)
    assert psutil.Process(pid).memory_info().rss - before < 320 << 20  # sixteen of them are 320 MiB
    assert "verifier_body_bytes 0.0" in httpx.get(f"{url}/metrics").text


def test_what_is_beyond_the_items_in_flight_is_429(small: tuple[str, int]) -> None:
    url, _ = small
    slow = {"rewards": [{"type": "hostile"}], "items": [{"completion": "sleep"}] * 4}
    with connect(url) as connection:
        connection.sendall(request(slow))
        await_true(lambda: metric(url, "verifier_items_in_flight") == 4)
        response = httpx.post(f"{url}/score", json=json.loads(BATCH))
        assert (response.status_code, response.json()["error"]["code"]) == (429, "overloaded")
        assert int(response.headers["retry-after"]) >= 1
    await_true(lambda: metric(url, "verifier_items_in_flight") == 0)


def test_a_client_who_leaves_has_its_work_cancelled(small: tuple[str, int]) -> None:
    url, pid = small
    spin = {"rewards": [{"type": "hostile"}], "items": [{"completion": "sleep"}, {"completion": "sleep 2"}]}
    with connect(url) as connection:
        connection.sendall(request(spin))
        await_true(lambda: metric(url, "verifier_items_in_flight") == 2)
        await_true(lambda: metric(url, "verifier_tasks_waiting") == 0)
        working = set(workers(pid))
    await_true(lambda: metric(url, "verifier_items_in_flight") == 0)
    await_true(lambda: len(working & set(workers(pid))) == 0)
    assert httpx.post(f"{url}/score", json=json.loads(BATCH)).json()["results"][0]["reward"] == 1.0


def request(body: object) -> bytes:
    content = json.dumps(body).encode()
    return POST + b"content-length: %d\r\n\r\n%s" % (len(content), content)


def metric(url: str, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", httpx.get(f"{url}/metrics").text, re.MULTILINE)
    assert found, name
    return float(found[1])


def workers(pid: int) -> list[int]:
    """The scoring processes of a server: the children of its zygote."""
    return [worker.pid for zygote in psutil.Process(pid).children() for worker in zygote.children()]
