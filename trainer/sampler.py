"""Sampling G completions for each prompt, from a preallocated key/value cache.

A prompt is prefilled once for all its samples. Every sample occupies a row (a slot) of the cache; a row
that ends is given to the next sample that waits, so the batch stays full, and once none waits the batch
shrinks. Rows stand at positions of their own, without padding between prompt and completion. A group is
handed out the moment its last sample ends. Sampling is at full support (no top-p, no top-k): a cut
distribution would bias the ratio of the loss.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from trainer.model import CausalLM, ModelConfig

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True)
class Completion:
    """One sampled answer: its tokens (the end token included), and their log-probabilities when sampled."""

    tokens: list[int]
    logprobs: list[float]
    finish_reason: FinishReason


@dataclass(frozen=True)
class Sampling:
    """How to sample. Temperature 0 is greedy."""

    group_size: int
    max_tokens: int
    temperature: float
    slots: int


class Cache:
    """Keys and values of every layer, [layers, rows, K, length, d]; attends one new token a row."""

    def __init__(self, config: ModelConfig, rows: int, length: int, like: Tensor) -> None:
        self.config = config
        shape = (config.layers, rows, config.kv_heads, length, config.head_dim)
        self.keys, self.values = like.new_zeros(shape), like.new_zeros(shape)
        self.rows = torch.arange(rows, device=like.device)
        self.positions = torch.zeros(rows, dtype=torch.long, device=like.device)
        self.biases: dict[int | None, Tensor] = {}

    def load(self, rows: Tensor, keys: Tensor, values: Tensor) -> None:
        """Put prefilled keys and values [layers, len(rows), K, P, d] at the start of the rows."""
        self.keys[:, rows, :, : keys.shape[3]] = keys
        self.values[:, rows, :, : values.shape[3]] = values

    def keep(self, rows: Tensor) -> None:
        """Drop all other rows."""
        self.keys, self.values = self.keys[:, rows], self.values[:, rows]
        self.rows = torch.arange(len(rows), device=rows.device)
        self.positions = self.positions[rows]

    def look(self) -> None:
        """Prepare a step from the rows' positions: how far back, and per window 0 where a row may look,
        else -inf."""
        self.span = int(self.positions.max()) + 1
        distance = self.positions[:, None] - torch.arange(self.span, device=self.positions.device)  # [B, L]
        for window in set(self.config.sliding_windows):
            hidden = distance < 0 if window is None else (distance < 0) | (distance >= window)
            bias = self.keys.new_zeros(hidden.shape).masked_fill_(hidden, -torch.inf)
            self.biases[window] = bias[:, None, None]  # [B, 1, 1, L]

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """q [B, H, 1, d], k, v [B, K, 1, d] -> [B, H, 1, d]: store k and v at the rows' positions and look
        back.

        Plain matrix products with the query group folded into the query axis: on CPU
        scaled_dot_product_attention spends a third of decoding on its own overhead at one query a row.
        """
        batch, heads, _, d = q.shape
        self.keys[layer][self.rows, :, self.positions] = k[:, :, 0]
        self.values[layer][self.rows, :, self.positions] = v[:, :, 0]
        keys = self.keys[layer][:, :, : self.span]  # [B, K, L, d]
        values = self.values[layer][:, :, : self.span]
        grouped = q.view(batch, self.config.kv_heads, -1, d)  # [B, K, H/K, d]
        scores = grouped @ keys.mT * d**-0.5  # [B, K, H/K, L]
        scores = scores + self.biases[self.config.sliding_windows[layer]]
        weights = scores.softmax(-1, dtype=torch.float32).to(values.dtype)
        mixed: Tensor = weights @ values  # [B, K, H/K, d]
        return mixed.view(batch, heads, 1, d)


@torch.no_grad()
def prefill(model: CausalLM, prompts: Sequence[Sequence[int]], length: int) -> tuple[Tensor, Tensor]:
    """Keys and values [layers, N, K, length, d] of the first `length` tokens of N prompts (shorter ones
    padded)."""
    ids = torch.zeros(len(prompts), length, dtype=torch.long)
    for i, prompt in enumerate(prompts):
        known = torch.tensor(prompt[:length])
        ids[i, : len(known)] = known
    keys: list[Tensor] = []
    values: list[Tensor] = []

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        keys.append(k)
        values.append(v)
        return model.whole_sequences(layer, q, k, v)

    model.hidden(ids.to(model.head.device), attend=attend)
    return torch.stack(keys), torch.stack(values)


def choose(logits: Tensor, temperature: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Tokens [B] drawn from logits [B, V], and their log-probabilities [B]; the likeliest at temperature 0.

    Inverts the cumulative distribution: one uniform number a row, where Gumbel noise would take one a
    vocabulary entry.
    """
    logprobs = (logits / (temperature or 1.0)).log_softmax(-1)  # [B, V]
    if temperature == 0:
        tokens = logprobs.argmax(-1, keepdim=True)  # [B, 1]
    else:
        cumulative = logprobs.exp().cumsum(-1)  # [B, V]
        uniform = torch.rand(len(logits), 1, generator=generator, device=logits.device)
        tokens = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True)  # [B, 1]
        tokens = tokens.clamp_(max=logits.shape[1] - 1)
    return tokens[:, 0], logprobs.gather(1, tokens)[:, 0]


class _Rows:
    """The rows that are being sampled: which sample each holds, its last token, and what it has said so
    far."""

    def __init__(self, model: CausalLM, count: int, length: int, max_tokens: int) -> None:
        device = model.head.device
        self.cache = Cache(model.config, count, length, model.head)
        self.owners: list[tuple[int, int] | None] = [None] * count
        self.last = torch.zeros(count, dtype=torch.long, device=device)
        self.counts = torch.zeros(count, dtype=torch.long, device=device)
        self.ended = torch.ones(count, dtype=torch.bool, device=device)
        self.tokens = torch.zeros(count, max_tokens, dtype=torch.long, device=device)
        self.logprobs = torch.zeros(count, max_tokens, device=device)

    def start(self, rows: Tensor, last_tokens: Tensor, positions: Tensor) -> None:
        self.last[rows], self.cache.positions[rows] = last_tokens, positions
        self.counts[rows], self.ended[rows] = 0, False

    def record(self, tokens: Tensor, logprobs: Tensor, ends: Tensor) -> None:
        """Append a token [B] to every row that has not ended; `ends` [V] marks the tokens that end one."""
        at = self.counts.clamp(max=self.tokens.shape[1] - 1)
        rows, live = self.cache.rows, ~self.ended
        self.tokens[rows, at] = torch.where(live, tokens, self.tokens[rows, at])
        self.logprobs[rows, at] = torch.where(live, logprobs, self.logprobs[rows, at])
        self.counts += live
        self.cache.positions += live
        self.last = tokens
        self.ended |= ends[tokens] | (self.counts >= self.tokens.shape[1])
        self.cache.positions.clamp_(max=self.cache.keys.shape[3] - 1)

    def keep(self, kept: list[int]) -> None:
        """Drop all other rows."""
        rows = torch.tensor(kept, device=self.last.device)
        self.cache.keep(rows)
        self.owners = [self.owners[i] for i in kept]
        self.last, self.counts, self.ended = self.last[rows], self.counts[rows], self.ended[rows]
        self.tokens, self.logprobs = self.tokens[rows], self.logprobs[rows]


class Sampler:
    """Samples from a model as it stands; `ends` are the tokens that end a completion."""

    def __init__(self, model: CausalLM, ends: Sequence[int], seed: int) -> None:
        self.model = model
        self.generator = torch.Generator(model.head.device).manual_seed(seed)
        self.ends = frozenset(ends)
        self.is_end = torch.zeros(model.config.vocab_size, dtype=torch.bool, device=model.head.device)
        self.is_end[list(ends)] = True

    @torch.no_grad()
    def sample(
        self, prompts: Sequence[Sequence[int]], how: Sampling
    ) -> Iterator[tuple[int, list[Completion]]]:
        """Yield (index of the prompt, its completions), each group as soon as its last sample ends."""
        waiting = deque((i, member) for i in range(len(prompts)) for member in range(how.group_size))
        prefix = max(map(len, prompts)) - 1
        rows = _Rows(self.model, min(how.slots, len(waiting)), prefix + 1 + how.max_tokens, how.max_tokens)
        prefixes: dict[int, tuple[Tensor, Tensor]] = {}
        groups: dict[int, dict[int, Completion]] = {i: {} for i in range(len(prompts))}
        while groups:
            self._refill(rows, waiting, prompts, prefix, prefixes)
            self._shrink(rows, bool(waiting))
            rows.cache.look()
            self._step(rows, how.temperature)
            for group, member, completion in self._harvest(rows):
                groups[group][member] = completion
                if len(groups[group]) == how.group_size:
                    members = groups.pop(group)
                    yield group, [members[j] for j in range(how.group_size)]

    def _refill(
        self,
        rows: _Rows,
        waiting: deque[tuple[int, int]],
        prompts: Sequence[Sequence[int]],
        prefix: int,
        prefixes: dict[int, tuple[Tensor, Tensor]],
    ) -> None:
        """Give free rows to samples that wait. A row's first step reads the last token of its prompt."""
        free = [row for row, owner in enumerate(rows.owners) if owner is None][: len(waiting)]
        if not free or not waiting:
            return
        taken = [waiting.popleft() for _ in free]
        for row, owner in zip(free, taken, strict=True):
            rows.owners[row] = owner
        at = torch.tensor(free, device=rows.last.device)
        chosen = [prompts[group] for group, _ in taken]
        rows.start(at, _on(at, [p[-1] for p in chosen]), _on(at, [len(p) - 1 for p in chosen]))
        if prefix:
            self._load_prefixes(rows, at, [group for group, _ in taken], prompts, prefix, prefixes)
            still_needed = {group for group, _ in waiting}
            for group in [g for g in prefixes if g not in still_needed]:
                del prefixes[group]

    def _load_prefixes(
        self,
        rows: _Rows,
        at: Tensor,
        groups: list[int],
        prompts: Sequence[Sequence[int]],
        prefix: int,
        prefixes: dict[int, tuple[Tensor, Tensor]],
    ) -> None:
        new = list(dict.fromkeys(group for group in groups if group not in prefixes))
        if new:
            keys, values = prefill(self.model, [prompts[group] for group in new], prefix)
            prefixes |= {group: (keys[:, i], values[:, i]) for i, group in enumerate(new)}
        rows.cache.load(
            at,
            torch.stack([prefixes[group][0] for group in groups], 1),
            torch.stack([prefixes[group][1] for group in groups], 1),
        )

    def _shrink(self, rows: _Rows, more: bool) -> None:
        """Drop ended rows once half of them have, and no sample waits."""
        live = [row for row, owner in enumerate(rows.owners) if owner is not None]
        if not more and len(live) <= len(rows.owners) // 2:
            rows.keep(live)

    def _step(self, rows: _Rows, temperature: float) -> None:
        hidden = self.model.hidden(
            rows.last[:, None], rows.cache.positions[:, None], rows.cache.attend
        )  # [B, 1, D]
        tokens, logprobs = choose(self.model.logits(hidden[:, 0]), temperature, self.generator)
        rows.record(tokens, logprobs, self.is_end)

    def _harvest(self, rows: _Rows) -> Iterator[tuple[int, int, Completion]]:
        """The samples that have just ended; their rows are free."""
        ended = [row for row, end in enumerate(rows.ended.tolist()) if end and rows.owners[row] is not None]
        if not ended:
            return
        at = torch.tensor(ended, device=rows.last.device)
        columns = zip(
            rows.tokens[at].tolist(), rows.logprobs[at].tolist(), rows.counts[at].tolist(), strict=True
        )
        for row, (tokens, logprobs, count) in zip(ended, columns, strict=True):
            owner = rows.owners[row]
            assert owner is not None
            rows.owners[row] = None
            reason: FinishReason = "stop" if tokens[count - 1] in self.ends else "length"
            yield *owner, Completion(tokens[:count], logprobs[:count], reason)


def _on(like: Tensor, values: list[int]) -> Tensor:
    return torch.tensor(values, device=like.device)
