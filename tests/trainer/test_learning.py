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


SMALL = Config.model_validate(
    {
        "name": "small",
        "steps": 60,
        "prompts_per_step": 16,
        "learning_rate": 1e-3,
        "max_staleness": 0,
        "eval_samples": 0,
        "eval_problems": 45,
        "eval_every": 1000,
        "checkpoint_every": 1000,
        "task": {"digits": 1, "held_out_problems": 45},
        "model": {"hidden_size": 48},
        "sft": {"eval_problems": 45},
    }
)


def gain(folder: Path, verifier: Any) -> float:
    summary = run(SMALL, folder, verifier)
    return float(summary["accuracy_after"] - summary["accuracy_before"])


@pytest.mark.slow
def test_shuffled_rewards_teach_nothing(tmp_path: Path, make_verifier: Callable[..., Any]) -> None:
    """The same rewards, dealt at random among the completions of the group, carry no information."""
    rng = random.Random(0)

    def shuffle(request: ScoreRequest, response: ScoreResponse) -> ScoreResponse:
        if len(request["items"]) == SMALL.group_size:
            rewards = [result["reward"] for result in response["results"]]
            rng.shuffle(rewards)
            for result, reward in zip(response["results"], rewards, strict=True):
                result["reward"] = reward
        return response

    (tmp_path / "true").mkdir()
    (tmp_path / "shuffled").mkdir()
    assert gain(tmp_path / "true", make_verifier()) >= 0.2
    assert gain(tmp_path / "shuffled", make_verifier(shuffle)) <= 0.05
