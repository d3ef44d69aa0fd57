"""What `pip install rlvr-verifier` brings, and what it does not."""

import re
import tomllib
from importlib.metadata import entry_points, requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = {"service", "sandbox", "client", "datasets", "trainer", "embedded", "dev", "all"}
HEAVY = {"torch", "sympy", "math-verify", "fastapi", "docker", "redis", "transformers"}


def name(requirement: str) -> str:
    """The normalised distribution name a requirement starts with."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return found[0].lower().replace("_", "-")


def test_a_plain_install_brings_nothing_heavy() -> None:
    plain = {name(line) for line in requires("rlvr-verifier") or [] if "extra ==" not in line}
    assert plain
    assert not plain & HEAVY


def test_torch_comes_with_the_trainer_extra_alone() -> None:
    extras = PYPROJECT["project"]["optional-dependencies"]
    assert [extra for extra, lines in extras.items() if "torch" in map(name, lines)] == ["trainer"]


def test_the_extras_are_the_documented_ones() -> None:
    assert set(PYPROJECT["project"]["optional-dependencies"]) == EXTRAS


@pytest.mark.parametrize("command", ["verifier", "sandbox"])
def test_each_command_can_be_loaded(command: str) -> None:
    (script,) = entry_points(group="console_scripts", name=command)
    assert callable(script.load())


def test_every_requirement_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [pin for pin in pins if "==" not in pin] == []
    extras = PYPROJECT["project"]["optional-dependencies"].values()
    wanted = {name(line) for lines in [PYPROJECT["project"]["dependencies"], *extras] for line in lines}
    assert wanted - {name(pin) for pin in pins} - {"rlvr-verifier"} == set()
