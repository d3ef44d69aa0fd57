from pathlib import Path

import pytest
import torch

from trainer import checkpoint, policy
from trainer.config import ShapeConfig
from trainer.policy import Policy
from trainer.tasks import Addition

TASK = Addition(held_out_problems=4)


@pytest.fixture
def current() -> Policy:
    shape = ShapeConfig(hidden_size=16, layers=1, heads=2, kv_heads=1, intermediate_size=16)
    return policy.create(shape, TASK, 8, seed=0)


def test_what_is_saved_is_loaded(tmp_path: Path, current: Policy) -> None:
    state = {"step": 3, "rng": torch.arange(3, dtype=torch.uint8), "in_flight": [{"texts": ["a"]}]}
    path = checkpoint.save(tmp_path, 3, current, state, keep=1)
    loaded, found = checkpoint.load(path)
    assert (found["step"], found["rng"].tolist(), found["in_flight"]) == (3, [0, 1, 2], [{"texts": ["a"]}])
    for name, tensor in current.model.state_dict().items():
        assert torch.equal(tensor, loaded.model.state_dict()[name])
    prompt = TASK.held_out()[0].prompt
    assert loaded.tokenizer.encode(prompt) == current.tokenizer.encode(prompt)
    assert loaded.tokenizer.ends == current.tokenizer.ends


def test_the_newest_stay(tmp_path: Path, current: Policy) -> None:
    for step in (2, 10, 100):
        checkpoint.save(tmp_path, step, current, {}, keep=2)
    assert [path.name for path in checkpoint.saved(tmp_path)] == ["step-000010", "step-000100"]


def test_one_that_was_not_finished_does_not_count(
    tmp_path: Path, current: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(tmp_path, 1, current, {}, keep=2)

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="no space"):
        checkpoint.save(tmp_path, 2, current, {}, keep=2)
    assert [path.name for path in checkpoint.saved(tmp_path)] == ["step-000001"]
    monkeypatch.undo()
    checkpoint.save(tmp_path, 2, current, {}, keep=2)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["step-000001", "step-000002"]
