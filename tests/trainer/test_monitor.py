import io
import json
import math
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trainer.config import Config, load
from trainer.monitor import Monitor, read_lines, rewind
from trainer.rollout import Group, ScoredGroup


def test_scalars_go_to_the_files_and_to_tensorboard(tmp_path: Path) -> None:
    with Monitor(tmp_path, Console(file=io.StringIO())) as monitor:
        monitor.metrics(1, {"reward/mean": 0.5, "loss": math.nan})
        monitor.evaluation(1, "addition", {"accuracy": 0.25})
    assert read_lines(tmp_path / "metrics.jsonl") == [{"step": 1, "reward/mean": 0.5, "loss": None}]
    assert read_lines(tmp_path / "eval.jsonl") == [{"step": 1, "task": "addition", "accuracy": 0.25}]
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert events.Scalars("reward/mean")[0].value == 0.5
    assert events.Scalars("eval/addition/accuracy")[0].step == 1


def test_the_configuration_is_written_with_what_it_ran_with(tmp_path: Path) -> None:
    with Monitor(tmp_path, Console(file=io.StringIO())) as monitor:
        monitor.config(Config(seed=9), {"math": 3}, "cpu")
    assert load([str(tmp_path / "config.toml")]).seed == 9
    text = (tmp_path / "config.toml").read_text()
    assert "[record.graders]\nmath = 3" in text and "torch = " in text


def test_every_completion_is_written_with_its_scores(
    tmp_path: Path, make_group: Callable[..., Group]
) -> None:
    component = {"name": "math", "type": "math", "status": "ok", "score": 1.0, "weight": 1.0}
    results = [
        {"index": 0, "status": "ok", "reward": 1.0, "components": [component]},
        {"index": 1, "status": "error", "reward": None, "components": [], "error": {"code": "deadline"}},
    ]
    with Monitor(tmp_path, Console(file=io.StringIO())) as monitor:
        monitor.rollouts(3, [ScoredGroup(make_group("a", "b"), results)])  # type: ignore[arg-type]
    first, second = read_lines(tmp_path / "rollouts.jsonl")
    assert (first["step"], first["completion"], first["components"]) == (3, "a", [component])
    assert (second["status"], second["reward"], second["error"]["code"]) == ("error", None, "deadline")


def test_what_was_written_after_a_checkpoint_is_taken_back(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_text("".join(json.dumps({"step": i}) + "\n" for i in range(1, 6)) + '{"step": 6, "lo')
    rewind(tmp_path, 3)
    assert [row["step"] for row in read_lines(file)] == [1, 2, 3]


def test_a_status_is_said_where_no_line_can_be_redrawn(tmp_path: Path) -> None:
    output = io.StringIO()
    with Monitor(tmp_path, Console(file=output)) as monitor:
        monitor.stage("GRPO", 10)
        monitor.advance(1, reward=0.5)
        monitor.status("no rewards for 6 s")
        monitor.status("no rewards for 7 s")
        monitor.status("")
        monitor.status("no rewards for 8 s")
    assert "no rewards for 6 s" in output.getvalue()
    assert "7 s" not in output.getvalue()
    assert "no rewards for 8 s" in output.getvalue()
