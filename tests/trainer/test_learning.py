"""That the demo learns from rewards, and only from rewards."""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainer.config import Config
from trainer.pipeline import run
from trainer_client.wire import ScoreRequest, ScoreResponse

SCRIPT = Path(__file__).parents[2] / "trainer" / "run.py"


@pytest.mark.slow
def test_the_demo_gains_25_points(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(SCRIPT), "--name", "demo"], cwd=tmp_path, check=True, timeout=280)
    summary = json.loads((tmp_path / "runs" / "demo" / "summary.json").read_text())
    assert summary["accuracy_after"] - summary["accuracy_before"] >= 0.25
    assert summary["masked_fraction"] == 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_true_rewards_teach_and_shuffled_ones_do_not(
    tmp_path: Path, make_verifier: Callable[..., Any]
) -> None:
    """The same rewards, dealt at random among the completions of a group, carry no information."""
    rng = random.Random(0)

    def shuffle(request: ScoreRequest, response: ScoreResponse) -> ScoreResponse:
        if len(request["items"]) == Config().group_size:  # and not one of an evaluation
            rewards = [result["reward"] for result in response["results"]]
            rng.shuffle(rewards)
            for result, reward in zip(response["results"], rewards, strict=True):
                result["reward"] = reward
        return response

    def gain(name: str, verifier: Any, **changes: Any) -> float:
        settings = {"name": name, "max_staleness": 0, "eval_samples": 0, "eval_every": 1000} | changes
        (tmp_path / name).mkdir()
        summary = run(Config.model_validate(settings), tmp_path / name, verifier)
        return float(summary["accuracy_after"] - summary["accuracy_before"])

    gain("start", make_verifier(), steps=0)
    model = {"path": str(tmp_path / "start" / "checkpoints" / "step-000000")}
    rest = {"steps": 90, "model": model, "sft": {"max_steps": 0}}
    assert gain("true", make_verifier(), **rest) >= 0.1
    assert gain("shuffled", make_verifier(shuffle), **rest) <= 0.05
