import pytest
import torch

import trainer.logprobs as module
from trainer.logprobs import collate, completion_logprobs
from trainer.model import CausalLM

PAIRS = [([3, 4, 5], [6, 7, 1]), ([8], [9, 10, 11, 12, 1]), ([13, 14], [1])]


def test_they_are_those_of_the_full_distribution(tiny_model: CausalLM) -> None:
    logprobs, entropy = completion_logprobs(tiny_model, collate(PAIRS, torch.device("cpu")), temperature=0.8)
    for row, spread, (prompt, completion) in zip(logprobs, entropy, PAIRS, strict=True):
        ids = torch.tensor([[*prompt, *completion]])
        full = (tiny_model.logits(tiny_model.hidden(ids))[0] / 0.8).log_softmax(-1)
        predicting = full[len(prompt) - 1 : -1]
        expected = predicting.gather(1, torch.tensor(completion)[:, None])[:, 0]
        assert torch.allclose(row[: len(completion)], expected, atol=1e-5)
        assert torch.allclose(
            spread[: len(completion)], torch.distributions.Categorical(logits=predicting).entropy(), atol=1e-5
        )
        assert not row[len(completion) :].any() and not spread[len(completion) :].any()


def test_in_pieces_they_and_their_gradients_are_the_same(
    qwen2: CausalLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = collate(PAIRS, torch.device("cpu"))
    results = []
    for chunk in (module.CHUNK_LOGITS, 2 * qwen2.config.vocab_size):
        monkeypatch.setattr(module, "CHUNK_LOGITS", chunk)
        qwen2.zero_grad()
        logprobs, _ = completion_logprobs(qwen2, batch)
        (logprobs.sum() ** 2).backward()
        results.append(
            [logprobs.detach(), *(p.grad.clone() for p in qwen2.parameters() if p.grad is not None)]
        )
    for whole, pieces in zip(*results, strict=True):
        assert torch.allclose(whole, pieces, rtol=1e-4, atol=1e-5)
