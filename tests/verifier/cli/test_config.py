"""``verifier config``: what would be run with, and no secret."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from verifier.cli import app
from verifier.cli.config import mask_urls


def test_flags_variables_and_the_file_are_resolved_as_serve_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "verifier.toml"
    file.write_text("port = 9000\ngrace_s = 7\n")
    monkeypatch.setenv("VERIFIER_CONFIG", str(file))
    monkeypatch.setenv("VERIFIER_GRACE_S", "8")
    monkeypatch.setenv("VERIFIER_REDIS_URL", "redis://user:zq-secret-zq@host:6379/0")
    result = CliRunner().invoke(app, ["config"])
    assert result.exit_code == 0, result.output
    shown = tomllib.loads(result.output)
    assert (shown["serve"]["port"], shown["serve"]["grace_s"], shown["worker"]["grace_s"]) == (9000, 8, 8)
    assert shown["serve"]["redis_url"] == "redis://user:***@host:6379/0"
    assert "zq-secret-zq" not in result.output


def test_one_file_holds_the_options_of_both_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "verifier.toml"
    monkeypatch.setenv("VERIFIER_CONFIG", str(file))
    file.write_text('port = 9000\nqueue = "mine"\n')
    assert CliRunner().invoke(app, ["config"]).exit_code == 0
    file.write_text("prot = 9000\n")
    result = CliRunner().invoke(app, ["config"])
    assert result.exit_code == 2
    assert "prot" in result.output


def test_what_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_PORT", "seventy")
    result = CliRunner().invoke(app, ["config"])
    assert result.exit_code == 2
    assert "port" in result.output and "seventy" not in result.output


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("redis://:secret@h/0", "redis://:***@h/0"),
        ("redis://u:p@h/0?db=1", "redis://u:***@h/0?db=1"),
        ("https://token@a:1,https://u:p@b", "https://***@a:1,https://u:***@b"),
        ("redis://h?password=secret&db=1", "redis://h?password=***&db=1"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("auto", "auto"),
        ("embedded", "embedded"),
    ],
)
def test_passwords_are_masked_wherever_a_url_holds_them(url: str, masked: str) -> None:
    assert mask_urls(url) == masked
