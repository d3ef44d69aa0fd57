"""The commands that the documents name exist."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TARGETS = {"install", "demo", "test", "test-slow", "check", "bench", "up", "down"}


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_make_knows_its_targets(target: str) -> None:
    answer = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr


def test_documents_name_no_other_target() -> None:
    named = {(path.name, target) for path in DOCUMENTS for target in made(path.read_text())}
    assert named
    assert {(page, target) for page, target in named if target not in TARGETS} == set()


def test_the_readme_names_its_two_commands() -> None:
    assert {"demo", "test"} <= made((ROOT / "README.md").read_text())


def made(text: str) -> set[str]:
    """The targets of every `make …` in code: a fence's line, or a span in backticks."""
    return {
        target for line in re.findall(r"(?:^|`)make +([a-z][a-z -]*)", text, re.M) for target in line.split()
    }


@pytest.mark.parametrize("script", [".ci/run", "docker/redis.sh"])
def test_shell_scripts_parse(script: str) -> None:
    subprocess.run(["bash", "-n", script], cwd=ROOT, check=True)
