"""One update of the policy: micro-batches accumulate as rewards arrive, then one step of the optimiser."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import torch

from trainer.advantage import group_advantages, has_spread, strongest
from trainer.config import Config
from trainer.logprobs import collate, completion_logprobs
from trainer.loss import LossInputs, policy_loss
from trainer.model import CausalLM
from trainer.rollout import ScoredGroup
from trainer.sampler import Completion

MAX_SKIPPED = 3


class Diverged(RuntimeError):
    """Gradients were not finite several times in a row."""


@dataclass(frozen=True)
class Sample:
    """A completion to learn from."""

    prompt: list[int]
    completion: Completion
    advantage: float


@dataclass
class Sums:
    """What the micro-batches of one update add up to."""

    loss: float = 0.0
    clipped: float = 0.0
    kl: float = 0.0
    entropy: float = 0.0
    tokens: int = 0
    """Tokens that went through the model; clipped, kl and entropy are sums over these"""
    normaliser: int = 0

    def per_token(self, name: str) -> float:
        """Mean of one of the sums over the tokens trained on; 0 if there were none."""
        return float(getattr(self, name)) / max(1, self.tokens)


class Update:
    """Accumulates gradients of scored groups, and applies them."""

    def __init__(self, config: Config, model: CausalLM, reference: CausalLM | None) -> None:
        self._config, self._model, self._reference = config, model, reference
        self.sums = Sums()

    def add(self, groups: Sequence[ScoredGroup]) -> None:
        """Add the gradient of these groups. Those without spread, and completions not judged, take no
        forward pass."""
        rewards = torch.tensor([group.rewards for group in groups])  # [N, G]
        judged = ~rewards.isnan()
        config = self._config.advantage
        advantages = group_advantages(rewards, judged, config.baseline, config.scale)
        trained = judged & strongest(advantages, config.keep)
        learns = has_spread(rewards, judged) | self._config.loss.regularised
        kept: list[Sample] = []
        for i, group in enumerate(groups):
            for j, completion in enumerate(group.group.completions):
                truncated = config.mask_truncated and completion.finish_reason == "length"
                if truncated or not trained[i, j]:
                    continue
                self.sums.normaliser += self._config.loss.normaliser([len(completion.tokens)])
                if learns[i]:
                    kept.append(Sample(group.group.prompt, completion, float(advantages[i, j])))
        for micro_batch in split(kept, self._config.micro_batch_tokens):
            self._backward(micro_batch)

    def _backward(self, sequences: Sequence[Sample]) -> None:
        device = self._model.head.device
        batch = collate([(s.prompt, s.completion.tokens) for s in sequences], device)
        sampled = torch.zeros(batch.mask.shape)
        for i, s in enumerate(sequences):
            sampled[i, : len(s.completion.logprobs)] = torch.tensor(s.completion.logprobs)
        logprobs, entropy = completion_logprobs(self._model, batch, self._config.temperature)
        reference = None
        if self._reference is not None:
            with torch.no_grad():
                reference, _ = completion_logprobs(self._reference, batch, self._config.temperature)
        advantages = torch.tensor([s.advantage for s in sequences], device=device)
        inputs = LossInputs(logprobs, sampled.to(device), entropy, batch.mask, advantages, reference)
        sums = policy_loss(inputs, self._config.loss, self._config.max_tokens)
        sums.loss.backward()  # type: ignore[no-untyped-call]
        for field in fields(sums):
            added = float(getattr(sums, field.name).detach())
            setattr(self.sums, field.name, getattr(self.sums, field.name) + added)
        self.sums.tokens += int(batch.mask.sum())

    def apply(self, optimiser: torch.optim.Optimizer) -> float:
        """Divide the gradient, clip it, step. Returns its norm before clipping; not finite: the step is
        skipped."""
        parameters = [p for p in self._model.parameters() if p.grad is not None]
        if not parameters:
            return 0.0
        for parameter in parameters:
            assert parameter.grad is not None
            parameter.grad /= self.sums.normaliser
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, self._config.max_grad_norm))
        if math.isfinite(norm):
            optimiser.step()
        optimiser.zero_grad()
        return norm


def split(sequences: Sequence[Sample], tokens: int) -> Iterator[list[Sample]]:
    """Micro-batches of sequences of like length, each at most `tokens` tokens with its padding (or one
    sequence)."""
    micro_batch: list[Sample] = []
    for sequence in sorted(sequences, key=_length):
        if micro_batch and (len(micro_batch) + 1) * _length(sequence) > tokens:
            yield micro_batch
            micro_batch = []
        micro_batch.append(sequence)
    if micro_batch:
        yield micro_batch


def _length(sequence: Sample) -> int:
    return len(sequence.prompt) + len(sequence.completion.tokens)
