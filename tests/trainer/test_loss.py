"""The numbers are worked out by hand: two sequences, of two tokens and of one."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from trainer.loss import LossConfig, LossInputs, kl_estimate, policy_loss

RATIOS = [[1.1, 0.5], [1.5, 1.0]]
MASK = [[True, True], [True, False]]
MAX_TOKENS = 4


def inputs(
    advantages: tuple[float, float] = (2.0, -1.0), reference: Tensor | None = None
) -> tuple[LossInputs, Tensor]:
    """Log-probabilities whose ratios to the sampler's are RATIOS, and the leaf that takes the gradient."""
    sampled = torch.tensor([[-1.0, -2.0], [-0.5, -9.0]])
    logprobs = (sampled + torch.tensor(RATIOS).log()).requires_grad_()
    entropy = torch.tensor([[0.3, 0.5], [0.7, 99.0]])
    return LossInputs(
        logprobs, sampled, entropy, torch.tensor(MASK), torch.tensor(advantages), reference
    ), logprobs


def loss(config: LossConfig, **kwargs: Any) -> float:
    given, _ = inputs(**kwargs)
    total = policy_loss(given, config, MAX_TOKENS).loss.item()
    return round(total / config.normaliser([2, 1]), 5)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        # gains: min(1.1, 1.1)*2 = 2.2; min(0.5, 0.8)*2 = 1.0; min(1.5*-1, 1.28*-1) = -1.5; three tokens
        (LossConfig(), -(2.2 + 1.0 - 1.5) / 3),
        (LossConfig(normalise="sequence"), -((2.2 + 1.0) / 2 - 1.5) / 2),
        (LossConfig(normalise="constant"), -(2.2 + 1.0 - 1.5) / (2 * MAX_TOKENS)),
        (LossConfig(clip_high=0.05), -(2.1 + 1.0 - 1.5) / 3),
        (LossConfig(truncate=1.4), -(2.2 + 1.0 - 1.4) / 3),
        (LossConfig(clip="none", truncate=1.05), -(2.1 + 1.0 - 1.05) / 3),
        # sequence ratios: sqrt(1.1 * 0.5) = 0.741620 for both tokens of the first, 1.5 for the second
        (LossConfig(ratio="sequence"), -(2 * 0.741620 * 2 - 1.5) / 3),
        # CISPO: min(ratio, 1.28) * advantage * log-probability
        (
            LossConfig(clip="cispo"),
            -(
                1.1 * 2 * (-1 + math.log(1.1))
                + 0.5 * 2 * (-2 + math.log(0.5))
                + 1.28 * -1 * (-0.5 + math.log(1.5))
            )
            / 3,
        ),
        (LossConfig(entropy_weight=0.1), -(2.2 + 1.0 - 1.5 + 0.1 * (0.3 + 0.5 + 0.7)) / 3),
    ],
)
def test_golden_values(config: LossConfig, expected: float) -> None:
    assert loss(config) == round(expected, 5)


def test_the_divergence_from_the_reference_is_added() -> None:
    # log ratios to the reference: ln 1.1, ln 0.5, ln 1.5 (the reference is what sampled)
    logs = [math.log(1.1), math.log(0.5), math.log(1.5)]
    reference = torch.tensor([[-1.0, -2.0], [-0.5, -9.0]])
    for kind, expected in {
        "k1": sum(logs),
        "k2": sum(x * x / 2 for x in logs),
        "k3": sum(math.exp(-x) - 1 + x for x in logs),
    }.items():
        config = LossConfig.model_validate({"kl": kind, "kl_weight": 0.5})
        plain = -(2.2 + 1.0 - 1.5) / 3
        assert loss(config, reference=reference) == round(plain + 0.5 * expected / 3, 5)


def test_no_gradient_beyond_the_clip_and_none_from_padding() -> None:
    given, logprobs = inputs(advantages=(2.0, 1.0))
    sums = policy_loss(given, LossConfig(clip_high=0.05), MAX_TOKENS)
    sums.loss.backward()
    assert logprobs.grad is not None
    # token 1 is clipped above, token 2 (ratio 0.5, positive advantage) is not, token 3 is; token 4 is padding
    assert logprobs.grad.tolist() == [[0, pytest.approx(-0.5 * 2)], [0, 0]]
    assert sums.clipped.item() == 2


def test_the_pessimistic_clip_leaves_bad_likely_tokens_their_gradient_up_to_the_truncation() -> None:
    for truncate, expected in ((2.0, 1.5), (1.4, 0.0)):
        given, logprobs = inputs(advantages=(0.0, -1.0))
        policy_loss(given, LossConfig(truncate=truncate), MAX_TOKENS).loss.backward()
        assert logprobs.grad is not None
        assert logprobs.grad[1, 0].item() == pytest.approx(expected)


def test_cispo_keeps_the_gradient_of_every_token() -> None:
    given, logprobs = inputs()
    policy_loss(given, LossConfig(clip="cispo"), MAX_TOKENS).loss.backward()
    assert logprobs.grad is not None
    expected = [-1.1 * 2, -0.5 * 2, 1.28, 0]
    assert logprobs.grad.flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize("normalise", ["token", "sequence", "constant"])
@pytest.mark.parametrize("ratio", ["token", "sequence"])
def test_micro_batches_add_up_to_the_batch(normalise: str, ratio: str) -> None:
    config = LossConfig.model_validate({"normalise": normalise, "ratio": ratio})
    whole, _ = inputs()
    parts = [
        LossInputs(
            whole.logprobs[i : i + 1],
            whole.sampler_logprobs[i : i + 1],
            whole.entropy[i : i + 1],
            whole.mask[i : i + 1],
            whole.advantages[i : i + 1],
        )
        for i in range(2)
    ]
    separate = sum(policy_loss(part, config, MAX_TOKENS).loss.item() for part in parts)
    assert policy_loss(whole, config, MAX_TOKENS).loss.item() == pytest.approx(separate, rel=1e-6)
    assert config.normaliser([2]) + config.normaliser([1]) == config.normaliser([2, 1])


def test_a_policy_equal_to_the_reference_has_no_divergence() -> None:
    logprobs = torch.tensor([[-1.0, -3.0]])
    for kind in ("k1", "k2", "k3"):
        assert kl_estimate(kind, logprobs, logprobs).tolist() == [[0, 0]]
