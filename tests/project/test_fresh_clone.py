"""A fresh clone installs and runs its demo by `make` alone, and stays clean."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str, cwd: Path) -> str:
    """The standard output of a command that succeeds, run without this test run's own environment."""
    plain = {
        key: value
        for key, value in os.environ.items()
        if key not in {"VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL"}
    }
    done = subprocess.run(command, cwd=cwd, env=plain, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """A clone of what is committed; removed afterwards, since its virtual environment is large."""
    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", str(ROOT), str(clone), cwd=tmp_path)
    yield clone
    shutil.rmtree(clone)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_demo_runs_from_a_fresh_clone(clone: Path) -> None:
    run("make", "demo", cwd=clone)
    assert run("git", "status", "--porcelain", cwd=clone) == ""
    (summary,) = clone.glob("runs/*/summary.json")
    numbers = json.loads(summary.read_text())
    assert numbers["accuracy_after"] - numbers["accuracy_before"] >= 0.25
