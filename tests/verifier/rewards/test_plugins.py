"""``docs/plugins.md``: its example is run as it stands there, from a file and from an installed package."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT, running_server
from verifier.rewards.plugins import PluginUnusable
from verifier.rewards.registry import load_plugins

PAGE = (ROOT / "docs" / "plugins.md").read_text("utf-8")


def block(language: str) -> str:
    """The page's one fenced block of a language."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


REQUEST: dict[str, Any] = json.loads(block("json"))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the page's example."""
    folder = tmp_path_factory.mktemp("plugin")
    file = folder / "regex.py"
    file.write_text(block("python"))
    options = ("--sandbox", "none", "--scoring-processes", "1", "--plugin", str(file))
    with running_server(folder / "log", *options) as (url, _):
        yield url


def score(url: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{url}/score", json=body, timeout=60)


def test_the_example_scores_as_the_page_says(url: str) -> None:
    first, second = score(url, REQUEST).json()["results"]
    assert (first["reward"], second["reward"]) == (1.0, 0.0)
    assert first["components"][0]["detail"] == {"found": "555-555"}


def test_it_is_listed_with_its_schema(url: str) -> None:
    entries = {entry["type"]: entry for entry in httpx.get(f"{url}/rewards").json()}
    entry = entries["regex"]
    assert (entry["version"], entry["doc"]) == (1, "1 when the pattern occurs in the completion, else 0.")
    assert entry["parameters"]["properties"]["pattern"]["description"].startswith("In the syntax of Python")
    assert "pattern" in entry["parameters"]["required"]


def test_it_is_counted(url: str) -> None:
    assert score(url, REQUEST).status_code == 200
    text = httpx.get(f"{url}/metrics").text
    for sample in (
        'verifier_components_total{type="regex",verdict="correct"}',
        'verifier_components_total{type="regex",verdict="incorrect"}',
        'verifier_component_seconds_count{type="regex"}',
    ):
        assert re.search(rf"^{re.escape(sample)} [1-9]", text, re.MULTILINE)


def test_its_parameters_are_checked(url: str) -> None:
    refused = score(url, {**REQUEST, "rewards": [{"type": "regex", "pattern": "("}]})
    assert refused.status_code == 422
    (field,) = refused.json()["error"]["fields"]
    assert field["path"] == "rewards.0.pattern"
    assert "not a regular expression" in field["message"]


def test_a_completion_that_would_run_for_years_is_judged_and_its_neighbours_are_too(url: str) -> None:
    body = {
        "rewards": [{"type": "regex", "pattern": "^(a+)+$"}],
        "items": [{"completion": "aaa"}, {"completion": "a" * 60 + "b"}, {"completion": "aaaa"}],
    }
    results = score(url, body).json()["results"]
    assert [result["reward"] for result in results] == [1.0, 0.0, 1.0]
    assert results[1]["components"][0]["verdict"] == "timeout"


def test_it_may_be_a_part_of_others(url: str) -> None:
    held = {"type": "gate", "if": {"type": "finished"}, "then": REQUEST["rewards"][0], "else": -1}
    items = [{**item, "finish_reason": "stop"} for item in REQUEST["items"]]
    results = score(url, {"rewards": [held], "items": items}).json()["results"]
    assert [result["reward"] for result in results] == [1.0, 0.0]


def test_an_installed_package_brings_its_type(tmp_path: Path) -> None:
    """In an environment of its own that sees this one's packages and one more."""
    project = tomllib.loads(block("toml"))["project"]
    points = project["entry-points"]["verifier.rewards"]
    venv.create(tmp_path / "venv")
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    ours = sysconfig.get_path("purelib")
    (site / "this_environment.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    (site / "regex_reward.py").write_text(block("python"))
    described = site / "regex_reward-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n")
    lines = "".join(f"{name} = {place}\n" for name, place in points.items())
    (described / "entry_points.txt").write_text(f"[verifier.rewards]\n{lines}")
    choice = tmp_path / "rewards.toml"
    choice.write_text('[[rewards]]\ntype = "regex"\npattern = "^(a+)+$"\n')
    command = [
        str(tmp_path / "venv" / "bin" / Path(sys.executable).name),
        *("-m", "verifier.cli", "explain", "--sandbox", "none", "--completion", "aaa"),
        *("--rewards", str(choice)),
    ]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert told.returncode == 0, told.stderr + told.stdout
    assert "regex: correct, score 1" in told.stdout
    assert "found: aaa" in told.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "defines no reward type"),
        (block("python").replace('"regex"', '"exact"'), "'exact' exists already"),
    ],
)
def test_what_is_no_plugin_is_said(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "plugin.py"
    file.write_text(text)
    with pytest.raises(PluginUnusable, match=told):
        load_plugins([file])


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(PluginUnusable, match="is not a Python file"):
        load_plugins([tmp_path / "absent.py"])


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("worker", "--redis-url", "embedded")])
def test_a_plugin_that_cannot_be_used_ends_the_start(command: tuple[str, ...], tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.py")
    started = subprocess.run(
        [sys.executable, "-m", "verifier.cli", *command, "--sandbox", "none", "--plugin", absent],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert started.returncode == 2
    assert started.stderr == f"verifier {command[0]}: {absent} is not a Python file\n"
