"""AdamW and its learning rate."""

import torch

from trainer.model import CausalLM


def create_optimiser(model: CausalLM, learning_rate: float) -> torch.optim.AdamW:
    """AdamW without weight decay, in one fused kernel."""
    return torch.optim.AdamW(
        model.parameters(), lr=learning_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True
    )


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float, step: int, warmup_steps: int) -> None:
    """The rate, reached linearly over the first steps (counted from 0)."""
    for group in optimiser.param_groups:
        group["lr"] = rate * min(1.0, (step + 1) / max(1, warmup_steps))
