"""The commands as a user types them, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result

from verifier.cli import app

Verifier = Callable[..., Result]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[Verifier]:
    """``offline("score", FILE, …)``: a command that scores in this process, without a sandbox."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("VERIFIER_SANDBOX", "none")

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)

    yield run
    structlog.reset_defaults()


@pytest.fixture
def verifier(offline: Verifier, server_url: str) -> Verifier:
    """``verifier("score", FILE, …)``: the outcome of a command that has the tests' server score."""

    def run(*arguments: object) -> Result:
        return offline(*arguments, "--url", server_url)

    return run


@pytest.fixture
def rows(tmp_path: Path) -> Callable[..., Path]:
    """``rows(row, …, name=…)``: a file of JSON lines."""

    def write(*rows: Any, name: str = "rows.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        return path

    return write
