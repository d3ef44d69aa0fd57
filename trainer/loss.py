"""The policy loss: one function, whose switches give GRPO, Dr. GRPO, DAPO, GSPO and CISPO.

Invariant: the loss of a batch is a sum over its tokens divided by one number. `policy_loss` returns the
sum, and `LossConfig.normaliser` the share of a micro-batch in that number, so that micro-batches can be
trained as their rewards arrive and the gradient be divided once, at the end.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor


class LossConfig(BaseModel):
    """Which policy loss. The defaults are DAPO's."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    normalise: Literal["token", "sequence", "constant"] = "token"
    """Mean over all tokens (DAPO, arXiv 2503.14476, eq 12), over each sequence and then the batch (GRPO,
    arXiv 2402.03300, eq 3), or the sum over batch size x max_tokens (Dr. GRPO, arXiv 2503.20783)"""
    ratio: Literal["token", "sequence"] = "token"
    """Importance ratio of each token, or of the whole sequence, its geometric mean (GSPO, arXiv 2507.18071,
    eq 7)"""
    clip: Literal["two_sided", "cispo", "none"] = "two_sided"
    """PPO's pessimistic clip (arXiv 1707.06347, eq 7), or CISPO's clipped and detached weight (arXiv
    2506.13585, eq 4)"""
    clip_low: float = Field(default=0.2, ge=0)
    """The ratio is clipped below at 1 - clip_low"""
    clip_high: float = Field(default=0.28, ge=0)
    """The ratio is clipped above at 1 + clip_high (DAPO's clip-higher)"""
    truncate: float = Field(default=2.0, gt=1)
    """The ratio never exceeds this, also where the pessimistic clip leaves it free: at negative advantages
    (INTELLECT-2, arXiv 2505.07291, section 3.4)"""
    kl: Literal["none", "k1", "k2", "k3"] = "none"
    """Estimator of the divergence from the reference model (Schulman, "Approximating KL divergence", 2020)"""
    kl_weight: float = Field(default=0.0, ge=0)
    """Weight of that divergence in the loss"""
    reference_every: int = Field(default=0, ge=0)
    """Updates after which the reference model becomes the policy as it is then; 0: never"""
    entropy_weight: float = Field(default=0.0, ge=0)
    """Weight of the entropy bonus"""

    @property
    def regularised(self) -> bool:
        """Whether there is a gradient where all advantages are 0."""
        return self.kl != "none" or self.entropy_weight > 0

    def weights(self, mask: Tensor, max_tokens: int) -> Tensor:
        """Weight of each token in the sum, [B, C] like the mask, before the division by the normaliser."""
        if self.normalise == "sequence":
            return mask / mask.sum(1, keepdim=True).clamp(min=1)
        return mask / (max_tokens if self.normalise == "constant" else 1)

    def normaliser(self, lengths: list[int]) -> int:
        """What sequences of these lengths add to the number that divides the sum."""
        return sum(lengths) if self.normalise == "token" else len(lengths)


@dataclass(frozen=True)
class LossInputs:
    """All [B, C], advantages [B]."""

    logprobs: Tensor
    """Under the policy as it is now, with gradient"""
    sampler_logprobs: Tensor
    """Recorded when the tokens were sampled: the denominator of the ratio"""
    entropy: Tensor
    mask: Tensor
    """bool"""
    advantages: Tensor
    reference_logprobs: Tensor | None = None


@dataclass(frozen=True)
class LossSums:
    """Sums over the tokens of a micro-batch; `loss` alone is weighted and carries the gradient."""

    loss: Tensor
    clipped: Tensor
    """Tokens whose gradient the clip took away"""
    kl: Tensor
    """k3 divergence from the reference model where there is one, else from the policy that sampled"""
    entropy: Tensor


def policy_loss(inputs: LossInputs, config: LossConfig, max_tokens: int) -> LossSums:
    """The unnormalised loss of a micro-batch."""
    log_ratio = torch.where(inputs.mask, inputs.logprobs - inputs.sampler_logprobs, 0.0)  # [B, C]
    if config.ratio == "sequence":
        length = inputs.mask.sum(1, keepdim=True).clamp(min=1)
        log_ratio = (log_ratio.sum(1, keepdim=True) / length).expand_as(log_ratio)
    advantages = inputs.advantages[:, None]  # [B, 1]
    gain, clipped = _surrogate(log_ratio.exp(), advantages, inputs.logprobs, config)
    per_token = -gain - config.entropy_weight * inputs.entropy
    if config.kl != "none" and inputs.reference_logprobs is not None:
        per_token = per_token + config.kl_weight * kl_estimate(
            config.kl, inputs.logprobs, inputs.reference_logprobs
        )
    weights = config.weights(inputs.mask, max_tokens)
    with torch.no_grad():
        anchor = inputs.sampler_logprobs if inputs.reference_logprobs is None else inputs.reference_logprobs
        kl = kl_estimate("k3", inputs.logprobs, anchor)
    return LossSums(
        loss=torch.where(inputs.mask, per_token * weights, 0.0).sum(),
        clipped=(clipped & inputs.mask).sum(),
        kl=torch.where(inputs.mask, kl, 0.0).sum(),
        entropy=torch.where(inputs.mask, inputs.entropy.detach(), 0.0).sum(),
    )


def _surrogate(
    ratio: Tensor, advantages: Tensor, logprobs: Tensor, config: LossConfig
) -> tuple[Tensor, Tensor]:
    """What is to be raised, and where clipping took the gradient (CISPO: bounded it), both [B, C]."""
    low, high = 1 - config.clip_low, 1 + config.clip_high
    if config.clip == "cispo":
        weight = ratio.detach().clamp(max=high)
        return weight * advantages * logprobs, ratio > high
    bounded = ratio.clamp(max=config.truncate)
    if config.clip == "none":
        return bounded * advantages, ratio > config.truncate
    clipped = torch.where(advantages > 0, ratio > high, (ratio < low) | (ratio > config.truncate))
    return torch.min(bounded * advantages, ratio.clamp(low, high) * advantages), clipped & (advantages != 0)


def kl_estimate(kind: Literal["k1", "k2", "k3"], logprobs: Tensor, reference: Tensor) -> Tensor:
    """An estimate of KL(policy ‖ reference) at each sampled token, [B, C]."""
    difference = logprobs - reference
    if kind == "k1":
        return difference
    if kind == "k2":
        return difference**2 / 2
    return (-difference).exp() - 1 + difference
