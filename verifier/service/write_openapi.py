"""``python -m verifier.service.write_openapi FILE``: the committed copy of the OpenAPI document."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson

from verifier.engine import EngineSettings
from verifier.service.app import create_app


def committed_document() -> dict[str, Any]:
    """The document as this code serves it, without plugins."""
    return create_app(EngineSettings(sandbox="none")).openapi()


if __name__ == "__main__":
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    Path(sys.argv[1]).write_bytes(orjson.dumps(committed_document(), option=options))
