from collections import Counter

import pytest
import torch

from trainer.logprobs import collate, completion_logprobs
from trainer.model import CausalLM
from trainer.sampler import Completion, Sampler, Sampling, choose

PROMPTS = [[3, 4, 5], [6], [7, 8, 9, 10, 11], [12, 13]]
END = 1


def sample(
    model: CausalLM,
    prompts: list[list[int]] = PROMPTS,
    group_size: int = 3,
    max_tokens: int = 9,
    temperature: float = 1.0,
    slots: int = 64,
    seed: int = 0,
) -> dict[int, list[Completion]]:
    how = Sampling(group_size, max_tokens, temperature, slots)
    return dict(Sampler(model, [END], seed).sample(prompts, how))


@pytest.mark.parametrize("slots", [64, 5, 1])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_sampler_logprobs_equal_training_logprobs(
    tiny_model: CausalLM, slots: int, temperature: float
) -> None:
    groups = sample(tiny_model, temperature=temperature, slots=slots)
    pairs = [(PROMPTS[i], c.tokens) for i, group in groups.items() for c in group]
    batch = collate(pairs, torch.device("cpu"))
    logprobs, _ = completion_logprobs(tiny_model, batch, temperature)
    for row, completion in zip(logprobs, [c for group in groups.values() for c in group], strict=True):
        assert completion.logprobs == pytest.approx(row[: len(completion.tokens)].tolist(), abs=1e-5)


def test_greedy_decoding_with_the_cache_equals_the_full_forward_pass(tiny_model: CausalLM) -> None:
    groups = sample(tiny_model, group_size=1, temperature=0.0, slots=2)
    for i, prompt in enumerate(PROMPTS):
        tokens = list(prompt)
        for _ in range(9):
            logits = tiny_model.logits(tiny_model.hidden(torch.tensor([tokens])))[0, -1]
            tokens.append(int(logits.argmax()))
            if tokens[-1] == END:
                break
        assert groups[i][0].tokens == tokens[len(prompt) :]


def test_every_prompt_gets_its_group_whatever_the_slots(qwen2: CausalLM) -> None:
    for slots in (1, 2, 7, 100):
        groups = sample(qwen2, slots=slots)
        assert sorted(groups) == [0, 1, 2, 3]
        assert all(len(group) == 3 for group in groups.values())


def test_a_prompt_is_prefilled_once_for_all_its_samples(
    qwen2: CausalLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefilled: list[list[int]] = []
    import trainer.sampler as module

    original = module.prefill

    def spy(model: CausalLM, prompts: list[list[int]], length: int) -> tuple[torch.Tensor, torch.Tensor]:
        prefilled.extend(prompts)
        return original(model, prompts, length)

    monkeypatch.setattr(module, "prefill", spy)
    sample(qwen2, group_size=8, slots=3)
    assert sorted(prefilled) == sorted(PROMPTS)


def test_a_completion_stops_at_an_end_token_or_at_its_length(qwen2: CausalLM) -> None:
    completions = [c for group in sample(qwen2, group_size=40).values() for c in group]
    reasons = Counter(c.finish_reason for c in completions)
    assert reasons["stop"] and reasons["length"]
    for completion in completions:
        assert len(completion.tokens) == len(completion.logprobs) <= 9
        assert END not in completion.tokens[:-1]
        if completion.finish_reason == "stop":
            assert completion.tokens[-1] == END
        else:
            assert len(completion.tokens) == 9 and completion.tokens[-1] != END


def test_the_same_seed_gives_the_same_samples(qwen2: CausalLM) -> None:
    assert sample(qwen2, seed=5) == sample(qwen2, seed=5)
    assert sample(qwen2, seed=5) != sample(qwen2, seed=6)


def test_groups_are_handed_out_as_they_end(qwen2: CausalLM) -> None:
    how = Sampling(group_size=1, max_tokens=9, temperature=1.0, slots=1)
    steps = 0
    original = Sampler._step

    class Counting(Sampler):
        def _step(self, *args: object) -> None:
            nonlocal steps
            steps += 1
            original(self, *args)  # type: ignore[arg-type]

    groups = Counting(qwen2, [END], 0).sample(PROMPTS, how)
    _, (first,) = next(groups)
    assert steps == len(first.tokens)


def test_tokens_are_drawn_from_the_distribution() -> None:
    wanted = torch.tensor([0.5, 0.0, 0.2, 0.3])
    logits = wanted.log().expand(20_000, 4)
    tokens, logprobs = choose(logits, 1.0, torch.Generator().manual_seed(0))
    shares = torch.bincount(tokens, minlength=4) / len(tokens)
    assert shares[1] == 0
    assert torch.allclose(shares, wanted, atol=0.015)
    assert torch.allclose(logprobs, wanted.log()[tokens])


def test_sampling_leaves_the_model_trainable(qwen2: CausalLM) -> None:
    groups = sample(qwen2)
    batch = collate([(PROMPTS[0], groups[0][0].tokens)], torch.device("cpu"))
    logprobs, _ = completion_logprobs(qwen2, batch)
    logprobs.sum().backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in qwen2.parameters())
