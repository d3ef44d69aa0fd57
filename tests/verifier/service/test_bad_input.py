"""Bad and hostile requests: the right status, one error shape, no echo, no 500."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

MATH = [{"type": "math"}]
ITEM = {"completion": "\\boxed{1}", "reference": {"answer": "1"}}
JSON = {"content-type": "application/json"}


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body = response.json()
    assert body.keys() == {"error"}
    error: dict[str, Any] = body["error"]
    assert error["code"] == code
    assert error.keys() <= {"code", "message", "fields"}
    assert response.headers["x-request-id"]
    return error


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"items": [{"completion": NaN}]}',
        b'{"items": [], "deadline_s": Infinity}',
        b'{"items": [{"completion": "\xff\xfe"}]}',
        b'{"items": [{"completion": "\\ud800"}]}',
        b'{"items":' + b"[" * 100_000,
        b'{"rewards":[{"type":"math"}],"items":[{"completion":"x","metadata":{"a":%s}}]}'
        % (b"[" * 900 + b"]" * 900),
    ],
    ids=["empty", "cut", "text", "nan", "infinity", "bad-utf8", "surrogate", "deep-cut", "deep"],
)
def test_what_is_not_json_is_400(client: httpx.Client, body: bytes) -> None:
    refused(client.post("/score", content=body, headers=JSON), 400, "invalid_json")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"surprise": 1}, "surprise"),
        ({"items": [{**ITEM, "surprise": 1}]}, "items.0.surprise"),
        ({"items": [ITEM, {"reference": {"answer": "1"}}]}, "items.1.completion"),
        ({"items": [{**ITEM, "completion_tokens": "9"}]}, "items.0.completion_tokens"),
        ({"items": "all"}, "items"),
        ({"rewards": []}, "rewards.list[dict[str,any]]"),
        ({"rewards": [{"type": "unknown"}]}, "rewards.0.type"),
        ({"rewards": [{"weight": 1}]}, "rewards.0.type"),
        ({"rewards": [{"type": "math", "surprise": 1}]}, "rewards.0.surprise"),
        ({"rewards": [{"type": "math", "weight": "1"}]}, "rewards.0.weight"),
        ({"rewards": [{"type": "format"}]}, "rewards.0"),
        ({"rewards": [*MATH, *MATH]}, "rewards.1.name"),
        ({"rewards": {"preset": "unknown"}}, "rewards.preset"),
        ({"items": [{**ITEM, "rewards": [{"type": "format", "pattern": 3}]}]}, "items.0.rewards.0.pattern"),
        ({"deadline_s": -1}, "deadline_s"),
    ],
)
def test_a_wrong_shape_is_422_and_names_the_field(
    client: httpx.Client, change: dict[str, Any], path: str
) -> None:
    response = client.post("/score", json={"rewards": MATH, "items": [ITEM], **change})
    error = refused(response, 422, "validation_failed")
    assert path in [field["path"] for field in error["fields"]]
    assert all(field.keys() == {"path", "message"} for field in error["fields"])


def test_items_without_any_reward_are_422(client: httpx.Client) -> None:
    error = refused(client.post("/score", json={"items": [ITEM]}), 422, "validation_failed")
    assert error["fields"][0]["path"] == "items.0.rewards"


def test_a_refusal_never_echoes_the_input(client: httpx.Client) -> None:
    secret = "zq-secret-zq"
    bodies: list[Any] = [
        {"items": [{"completion": 7, "id": secret}], "rewards": MATH},
        {"items": [ITEM], "rewards": [{"type": secret}]},
        {"items": [ITEM], "rewards": [{"type": "format", "preset": secret}]},
        {"items": [ITEM], "rewards": {"preset": secret}},
        {"items": [ITEM], "rewards": MATH, "graders": {secret: 1}},
    ]
    for body in bodies:
        response = client.post("/score", json=body)
        assert response.status_code in (409, 422)
        assert secret not in response.text


def test_a_grader_pin_that_does_not_hold_is_409(client: httpx.Client) -> None:
    body = {"rewards": MATH, "items": [ITEM], "graders": {"math": 999}}
    error = refused(client.post("/score", json=body), 409, "grader_mismatch")
    assert error["fields"][0]["path"] == "graders.math"


def test_more_than_4096_items_are_413(client: httpx.Client) -> None:
    body = {"rewards": MATH, "items": [{"completion": "x"}] * 5000}
    refused(client.post("/score", json=body), 413, "too_large")


def test_a_declared_body_of_100_mb_is_413(client: httpx.Client) -> None:
    refused(client.post("/score", content=b"x" * 100_000_000, headers=JSON), 413, "too_large")


def test_a_chunked_body_is_refused_while_it_is_read(server_url: str) -> None:
    """The answer comes before the sender is done: nothing beyond the bound is kept."""

    async def flood() -> bytes:
        target = urlsplit(server_url)
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        writer.write(
            b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        answer = asyncio.create_task(reader.readline())
        sent = 0
        while not answer.done() and sent < 200:
            try:
                writer.write(chunk)
                await writer.drain()
            except ConnectionError:
                break
            sent += 1
        line = await answer
        writer.close()
        assert sent < 200
        return line

    assert b" 413 " in asyncio.run(flood())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
def test_what_is_not_plain_json_by_its_headers_is_415(client: httpx.Client, headers: dict[str, str]) -> None:
    body = json.dumps({"rewards": MATH, "items": [ITEM]}).encode()
    refused(client.post("/score", content=body, headers=headers), 415, "unsupported_media_type")


def test_unknown_paths_and_methods_have_the_same_error_shape(client: httpx.Client) -> None:
    refused(client.get("/nowhere"), 404, "not_found")
    response = client.get("/score")
    refused(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


def test_a_bad_query_parameter_is_422(client: httpx.Client) -> None:
    refused(client.get("/ready", params={"require": "miracles"}), 422, "validation_failed")


@pytest.fixture
def hostile_patterns() -> Iterator[list[str]]:
    yield ["(a+)+$", "(a|aa)+$", "(.*a){25}", "(a?){30}a{30}", "a{1000}{1000}", "(((((a*)*)*)*)*)*$"]


def test_hostile_patterns_stall_nothing(client: httpx.Client, hostile_patterns: list[str]) -> None:
    items = [
        {"completion": "a" * 50_000 + "!", "rewards": [{"type": "format", "pattern": pattern}]}
        for pattern in hostile_patterns
    ]
    response = client.post("/score", json={"items": items})
    assert response.status_code == 200
    assert all(result["status"] in ("ok", "invalid") for result in response.json()["results"])
