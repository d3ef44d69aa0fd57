"""Checkpoints: a Hugging Face folder plus the state of training, written whole or not at all."""

import shutil
from pathlib import Path
from typing import Any

import torch

from trainer import policy
from trainer.policy import Policy

FOLDER, STATE = "checkpoints", "trainer.pt"


def save(folder: Path, step: int, current: Policy, state: dict[str, Any], keep: int) -> Path:
    """Write `folder`/step-NNNNNN and remove all but the newest `keep`. `state` holds plain containers and
    tensors."""
    final = folder / f"step-{step:06d}"
    partial = folder / f".{final.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    policy.save(current, partial)
    torch.save(state, partial / STATE)
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
    for old in saved(folder)[:-keep]:
        shutil.rmtree(old)
    return final


def saved(folder: Path) -> list[Path]:
    """The complete checkpoints, oldest first."""
    return sorted(folder.glob("step-*"))


def load(checkpoint: Path) -> tuple[Policy, dict[str, Any]]:
    """The policy (on the CPU) and the state of a checkpoint."""
    state: dict[str, Any] = torch.load(checkpoint / STATE, map_location="cpu", weights_only=True)
    return policy.load(checkpoint), state
