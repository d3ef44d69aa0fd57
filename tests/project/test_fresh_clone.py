"""A fresh clone installs and runs its demo by `make` alone, and stays clean."""

import json
import os
import subprocess
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


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_demo_runs_from_a_fresh_clone(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", str(ROOT), str(clone), cwd=tmp_path)
    run("make", "demo", cwd=clone)
    assert run("git", "status", "--porcelain", cwd=clone) == ""
    (summary,) = clone.glob("runs/*/summary.json")
    numbers = json.loads(summary.read_text())
    assert numbers["accuracy_after"] - numbers["accuracy_before"] >= 0.25
