"""From the rewards of a group to the advantages of its completions.

Invariants: a masked reward (one the verifier could not judge) has no part in any mean or deviation, and its
advantage is 0; the advantages of a group with equal rewards are 0, so `has_spread` lets them be dropped
before a forward pass.
"""

import math
from typing import Literal

import torch
from torch import Tensor

Baseline = Literal["mean", "leave_one_out", "none"]
Scale = Literal["std", "batch", "none"]

STD_FLOOR = 1e-4
"""Below it a deviation is noise, not a scale to divide by."""


def group_advantages(rewards: Tensor, judged: Tensor, baseline: Baseline, scale: Scale) -> Tensor:
    """Advantages [N, G] of rewards [N, G]; `judged` [N, G] bool tells the rewards that count.

    - baseline mean, scale std: GRPO, A = (r - mean) / std (DeepSeekMath, arXiv 2402.03300, section 4.1.2)
    - baseline mean, scale none: Dr. GRPO (arXiv 2503.20783, section 3.2)
    - baseline leave_one_out, scale none: RLOO, A = r - mean of the others (arXiv 2402.14740, section 2.3)
    - baseline mean, scale batch: REINFORCE++ with baseline, the deviation that of the whole batch's r - mean
      (arXiv 2501.03262, section 3.2)
    - baseline none: REINFORCE

    The deviation is the sample's (n - 1 below the bar). A group with fewer than two judged rewards has no
    baseline, and advantages of 0.
    """
    known = torch.where(judged, rewards, 0.0)  # [N, G]; a masked reward may be NaN
    count = judged.sum(1, keepdim=True)  # [N, 1]
    mean = known.sum(1, keepdim=True) / count.clamp(min=1)
    others = (count - 1).clamp(min=1)
    if baseline == "mean":
        centred = known - mean
    elif baseline == "leave_one_out":
        centred = known - (known.sum(1, keepdim=True) - known) / others
    else:
        centred = known
    if scale == "std":
        squares = torch.where(judged, (known - mean) ** 2, 0.0)
        centred = centred / (squares.sum(1, keepdim=True) / others).sqrt().clamp(min=STD_FLOOR)
    advantages = torch.where(judged & (count > 1), centred, 0.0)
    if scale == "batch":
        squares = torch.where(judged, (known - mean) ** 2, 0.0).sum()
        advantages = advantages / (squares / judged.sum().clamp(min=1)).sqrt().clamp(min=STD_FLOOR)
    return advantages


def strongest(advantages: Tensor, share: float) -> Tensor:
    """The ceil(share x G) completions of each group with the largest advantages by size, [N, G] bool (CPPO's
    pruning, arXiv 2503.22342, section 3.3)."""
    count = math.ceil(share * advantages.shape[1])
    chosen = torch.zeros_like(advantages, dtype=torch.bool)
    return chosen.scatter(1, advantages.abs().topk(count, dim=1).indices, True)


def has_spread(rewards: Tensor, judged: Tensor) -> Tensor:
    """Whether two judged rewards of the group differ, [N] bool; without it there is nothing to learn from."""
    highest = torch.where(judged, rewards, -torch.inf).amax(1)
    lowest = torch.where(judged, rewards, torch.inf).amin(1)
    return highest > lowest
