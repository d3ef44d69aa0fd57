"""AdamW and its learning rate."""

import torch

from trainer.model import CausalLM


def create_optimiser(model: CausalLM, learning_rate: float) -> torch.optim.AdamW:
    """AdamW without weight decay, in one fused kernel."""
    return torch.optim.AdamW(
        model.parameters(), lr=learning_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True
    )


def set_learning_rate(optimiser: torch.optim.Optimizer, peak: float, step: int, warmup_steps: int) -> None:
    """Linear warm-up over the first steps (counted from 0), then constant."""
    for group in optimiser.param_groups:
        group["lr"] = peak * min(1.0, (step + 1) / max(1, warmup_steps))
