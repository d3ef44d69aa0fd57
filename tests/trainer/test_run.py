"""The command, with a real Redis and a real worker."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trainer.run import main

SCRIPT = Path(__file__).parents[2] / "trainer" / "run.py"
SMALL = """
steps = 2
prompts_per_step = 4
group_size = 4
eval_every = 1
eval_problems = 8
eval_samples = 2
rollouts_every = 1
checkpoint_every = 1
model = { hidden_size = 16, layers = 1 }
sft = { max_steps = 10, eval_problems = 8 }
task = { held_out_problems = 8 }
"""


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    (folder / "small.toml").write_text(SMALL)
    command = [sys.executable, str(SCRIPT), "small.toml", *arguments]
    return subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=200)
    return process.returncode, output, errors


def descendants(pid: int) -> set[int]:
    """All processes that stem from this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        parents[int(entry.parent.name)] = int(fields[1])
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in {pid, *found}} - found:
        found |= more
    return found


def gone(pids: set[int]) -> bool:
    for _ in range(100):
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.1)
    return False


def test_a_whole_run_through_the_queue(tmp_path: Path) -> None:
    code, output, errors = finish(start(tmp_path, "--name", "small"))
    assert code == 0, errors
    folder = tmp_path / "runs" / "small"
    assert "accuracy" in output and str(folder.relative_to(tmp_path) / "report.html") in output
    names = {path.name for path in folder.iterdir()}
    assert {"config.toml", "metrics.jsonl", "eval.jsonl", "rollouts.jsonl", "summary.json"} <= names
    assert {"checkpoints", "report.html"} <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in metrics] == [1, 2]
    assert all(row["items/masked"] == 0 for row in metrics)
    assert "[record.graders]" in (folder / "config.toml").read_text()
    rollouts = [json.loads(line) for line in (folder / "rollouts.jsonl").read_text().splitlines()]
    assert len(rollouts) == 2 * 16
    assert [c["name"] for c in rollouts[0]["components"]] == ["math", "format"]
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["steps"] == 2 and summary["masked_fraction"] == 0
    assert 0 <= summary["wait_fraction"] <= 1


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)]
)
def test_a_run_that_is_ended_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, "--steps", "100000", "--name", "endless", "--sft.max-steps", "0")
    metrics = tmp_path / "runs" / "endless" / "metrics.jsonl"
    while not metrics.exists():
        assert process.poll() is None, finish(process)
        time.sleep(0.1)
    services = descendants(process.pid)
    assert len(services) >= 3  # Redis, the worker's supervisor, its worker
    os.kill(process.pid, number)
    code, _, errors = finish(process)
    assert code == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[number]
    assert "Traceback" not in errors
    assert gone(services)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stepz", "3"], "unknown key 'stepz'"),
        (["missing.toml"], "missing.toml cannot be read"),
        (["--name", "absent", "--resume", "true"], "runs/absent has no checkpoint to resume from"),
        (["--name", "taken"], "runs/taken exists"),
    ],
)
def test_what_cannot_be_run_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "taken" / "checkpoints").mkdir(parents=True)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err


def test_help_names_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    output = capsys.readouterr().out
    assert "--max_staleness: " in output and "--loss.clip_high: " in output
