"""What a supervisor tells a worker process, and how the judge is configured for both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from verifier.chat import ChatSettings
from verifier.queue.process import engine_for
from verifier.queue.settings import ProcessSettings
from verifier.settings import ServeSettings, WorkerSettings

PLAIN = ProcessSettings(
    redis_url="redis://127.0.0.1:6379/0",
    queue="score",
    name="a",
    sandbox="none",
    sandbox_api_key=None,
    scoring_processes=1,
    plugins=("/a.py",),
    log_format="json",
)


@pytest.mark.parametrize("judge", [None, ChatSettings("http://127.0.0.1/v1", "m", "key", 3, 4.5)])
def test_settings_survive_the_pipe(judge: ChatSettings | None) -> None:
    settings = replace(PLAIN, judge=judge, plugins=())
    told = ProcessSettings.from_json(settings.to_json())
    assert replace(told, plugins=()) == settings
    assert engine_for(told) is not None


@pytest.mark.parametrize("kind", [ServeSettings, WorkerSettings])
def test_the_judge_is_configured_alike_for_both(
    kind: type[ServeSettings | WorkerSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("# of the judge\nsecret\n")
    (tmp_path / "file.toml").write_text('judge_url = "http://127.0.0.1/v1"\njudge_concurrency = 3\n')
    monkeypatch.setenv("VERIFIER_CONFIG", str(tmp_path / "file.toml"))
    monkeypatch.setenv("VERIFIER_JUDGE_API_KEY_FILE", str(tmp_path / "key"))
    settings = kind(judge_model="m", judge_timeout_s=4.5)
    assert settings.judge() == ChatSettings("http://127.0.0.1/v1", "m", "secret", 3, 4.5)


def test_no_judge_is_configured_by_default() -> None:
    assert ServeSettings().judge() is None


@pytest.mark.parametrize("half", [{"judge_url": "http://127.0.0.1/v1"}, {"judge_model": "m"}])
def test_half_a_judge_is_refused(half: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="need each other"):
        ServeSettings.model_validate(half).judge()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "127.0.0.1:8000/v1", ""])
def test_a_judge_answers_over_http(url: str) -> None:
    with pytest.raises(ValueError, match="judge_url"):
        ServeSettings(judge_url=url, judge_model="m")
