"""Batches for a forward pass with gradients, and the log-probabilities of their completions."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from trainer.model import CausalLM

CHUNK_LOGITS = 1 << 24
"""Logits held at once (64 MiB in fp32); beyond it they are made in pieces and made again in the backward
pass."""


@dataclass(frozen=True)
class Batch:
    """Prompts with their completions, padded on the right (a causal model never looks there)."""

    ids: Tensor
    """Prompt and completion, [B, T]"""
    predicts: Tensor
    """Whether the position's next token belongs to the completion, [B, T] bool"""
    targets: Tensor
    """The completion, [B, C], left-aligned"""
    mask: Tensor
    """Whether the token is one of the completion and not padding, [B, C] bool"""


def collate(pairs: Sequence[tuple[Sequence[int], Sequence[int]]], device: torch.device) -> Batch:
    """A batch of (prompt, completion) token lists."""
    width = max(len(prompt) + len(completion) for prompt, completion in pairs)
    longest = max(len(completion) for _, completion in pairs)
    ids = torch.zeros(len(pairs), width, dtype=torch.long)
    predicts = torch.zeros(len(pairs), width, dtype=torch.bool)
    targets = torch.zeros(len(pairs), longest, dtype=torch.long)
    mask = torch.zeros(len(pairs), longest, dtype=torch.bool)
    for i, (prompt, completion) in enumerate(pairs):
        start, end = len(prompt), len(prompt) + len(completion)
        ids[i, :end] = torch.tensor([*prompt, *completion])
        predicts[i, start - 1 : end - 1] = True
        targets[i, : end - start], mask[i, : end - start] = ids[i, start:end], True
    return Batch(ids.to(device), predicts.to(device), targets.to(device), mask.to(device))


def completion_logprobs(model: CausalLM, batch: Batch, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
    """Log-probability of each completion token and entropy of its distribution, both [B, C], 0 in the
    padding.

    Logits are made only where a completion token is predicted, at most CHUNK_LOGITS at once, so peak memory
    does not grow with vocabulary x length.
    """
    hidden = model.hidden(batch.ids)[batch.predicts]  # [N, D], N completion tokens in all
    targets = batch.targets[batch.mask]  # [N]
    rows = max(1, CHUNK_LOGITS // model.config.vocab_size)
    pieces = list(zip(torch.split(hidden, rows), torch.split(targets, rows), strict=True))
    if len(pieces) == 1:
        parts = [_token_logprobs(hidden, model.head, targets, temperature)]
    else:
        parts = [
            checkpoint(_token_logprobs, h, model.head, t, temperature, use_reentrant=False) for h, t in pieces
        ]
    logprobs, entropy = (torch.cat(column) for column in zip(*parts, strict=True))
    padded = torch.zeros(batch.mask.shape, dtype=torch.float32, device=batch.ids.device)
    return padded.masked_scatter(batch.mask, logprobs), padded.masked_scatter(batch.mask, entropy)


def _token_logprobs(
    hidden: Tensor, head: Tensor, targets: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """log p(target) and entropy, each [N], of hidden states [N, D]."""
    logprobs = (F.linear(hidden, head).float() / temperature).log_softmax(-1)  # [N, V]
    entropy = -(logprobs.exp() * logprobs).sum(-1)
    return logprobs.gather(-1, targets[:, None])[:, 0], entropy
