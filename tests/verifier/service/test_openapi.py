"""The committed OpenAPI document is that of the code, and names every shape that a user sends."""

from __future__ import annotations

from pathlib import Path

import orjson

from verifier.service.write_openapi import committed_document

COMMITTED = Path(__file__).parents[3] / "docs" / "openapi.json"


def test_the_committed_document_is_current() -> None:
    assert orjson.loads(COMMITTED.read_bytes()) == committed_document(), (
        "run: python -m verifier.service.write_openapi docs/openapi.json"
    )


def test_the_request_names_items_and_every_reward_type() -> None:
    schemas = committed_document()["components"]["schemas"]
    assert schemas["ScoreRequest"]["properties"]["items"]["items"] == {"$ref": "#/components/schemas/Item"}
    mapping = schemas["Reward"]["discriminator"]["mapping"]
    assert {"math", "code", "format"} <= mapping.keys()
    for ref in mapping.values():
        assert ref.rpartition("/")[2] in schemas


def test_every_reference_points_somewhere() -> None:
    document = committed_document()
    text = orjson.dumps(document).decode()
    names = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert names <= document["components"]["schemas"].keys()
