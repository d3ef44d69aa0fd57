"""The OpenAPI document holds: requests made from it, valid and broken, get the answers that it declares."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import running_server

CONFIG = Path(__file__).with_name("schemathesis.toml")


def run(server_url: str, directory: Path, *options: str) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "--no-color", "run"]
    command += [f"{server_url}/openapi.json", "--checks", "all", "--suppress-health-check", "all", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=directory)
    assert ended.returncode == 0, ended.stdout[-8000:] + ended.stderr[-2000:]


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with a Redis of its own, and nobody at work on its queue."""
    log = tmp_path_factory.mktemp("server") / "log"
    with running_server(log, "--sandbox", "none", "--scoring-processes", "1", "--redis-url", "embedded") as (
        url,
        _,
    ):
        yield url


def test_requests_made_from_the_document_are_answered_as_it_says(server_url: str, tmp_path: Path) -> None:
    run(server_url, tmp_path, "--phases", "examples,fuzzing", "--max-examples", "15", "--seed", "1")


def test_the_bounds_of_every_parameter_are_as_it_says(server_url: str, tmp_path: Path) -> None:
    run(server_url, tmp_path, "--phases", "coverage", "--exclude-path", "/score", "--exclude-path", "/jobs")


@pytest.mark.slow
def test_the_bounds_of_every_field_of_a_batch_are_as_it_says(server_url: str, tmp_path: Path) -> None:
    run(server_url, tmp_path, "--phases", "coverage", "--include-path", "/score", "--include-path", "/jobs")
