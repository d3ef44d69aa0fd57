"""That our models are those of transformers: figures computed by golden/make.py, weights by the same
formula."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer.model import CausalLM, ModelConfig, from_hugging_face, to_hugging_face
from trainer.sampler import Sampler, Sampling

GOLDEN = json.loads((Path(__file__).parent / "golden" / "transformers.json").read_text())


def fill(number: int, shape: torch.Size) -> torch.Tensor:
    index = torch.arange(shape.numel(), dtype=torch.float64)
    return (torch.sin(index * (0.7 + number / 10) + number) * 0.5).reshape(shape).float()


@pytest.fixture(params=GOLDEN["models"])
def golden(request: pytest.FixtureRequest) -> tuple[CausalLM, dict[str, Any]]:
    expected = GOLDEN["models"][request.param]
    model = CausalLM(ModelConfig.from_hugging_face(expected["config"]))
    public = sorted(to_hugging_face(model).items())
    from_hugging_face(model, {name: fill(i, tensor.shape) for i, (name, tensor) in enumerate(public)})
    return model, expected


def test_logits_are_those_of_transformers(golden: tuple[CausalLM, dict[str, Any]]) -> None:
    model, expected = golden
    logits = model.logits(model.hidden(torch.tensor([GOLDEN["ids"]])))[0]
    assert torch.allclose(logits, torch.tensor(expected["logits"]), atol=1e-5)


def test_greedy_sampling_is_that_of_transformers(golden: tuple[CausalLM, dict[str, Any]]) -> None:
    model, expected = golden
    how = Sampling(group_size=1, max_tokens=12, temperature=0.0, slots=1)
    ((_, (completion,)),) = Sampler(model, [1], 0).sample([GOLDEN["ids"]], how)
    assert completion.tokens == expected["generated"]
