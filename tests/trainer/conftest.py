"""A verifier in this process, tiny models, and problems, for tests of the trainer."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

import pytest
import torch

from trainer.model import CausalLM, ModelConfig
from trainer.rollout import Group
from trainer.sampler import Completion
from trainer.tasks import Problem
from trainer_client.wire import Component, Item, ItemResult, ScoreRequest, ScoreResponse

WHOLE = re.compile(r"<think>.+?</think><answer>(.+?)</answer>", re.DOTALL)
ANSWER = re.compile(r"<answer>(\d+)</answer>")


class FakeVerifier:
    """Scores `math` in answer tags (integers) and `format` as the real one would; remembers the requests.

    `alter` may change a response, or return None to leave the request without an answer.
    """

    def __init__(
        self, alter: Callable[[ScoreRequest, ScoreResponse], ScoreResponse | None] = lambda _, r: r
    ) -> None:
        self.requests: list[ScoreRequest] = []
        self.alter = alter

    def submit(self, request: ScoreRequest) -> Future[ScoreResponse]:
        self.requests.append(request)
        future: Future[ScoreResponse] = Future()
        if (response := self.alter(request, self.respond(request))) is not None:
            future.set_result(response)
        return future

    def respond(self, request: ScoreRequest) -> ScoreResponse:
        return {
            "results": [self.judge(i, item, request) for i, item in enumerate(request["items"])],
            "graders": {"math": 1, "format": 1},
            "request_id": "fake",
            "elapsed_ms": 0.0,
            "version": "fake",
        }

    def judge(self, index: int, item: Item, request: ScoreRequest) -> ItemResult:
        text = str(item["completion"])
        found = ANSWER.search(text)
        right = found is not None and int(found[1]) == int(
            request["references"][str(item["reference"])]["answer"]
        )
        shaped = WHOLE.fullmatch(text) is not None
        return {
            "id": item["id"],
            "index": index,
            "status": "ok",
            "reward": 1.0 * right + 0.2 * shaped,
            "components": [
                _component("math", right, 1.0, "correct" if right else "incorrect"),
                _component("format", shaped, 0.2, "scored"),
            ],
        }

    def score(self, request: ScoreRequest) -> ScoreResponse:
        return self.submit(request).result()

    async def score_async(self, request: ScoreRequest) -> ScoreResponse:
        return self.score(request)

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _component(name: str, score: bool, weight: float, verdict: str) -> Component:
    return {
        "name": name,
        "type": name,
        "status": "ok",
        "score": float(score),
        "weight": weight,
        "verdict": verdict,
        "detail": {},
    }


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads on busy cores are slower than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def make_verifier() -> type[FakeVerifier]:
    return FakeVerifier


SHAPE: dict[str, Any] = {
    "vocab_size": 23,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10_000.0,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {"model_type": "llama", "tie_word_embeddings": False},
    "llama-3.1": {
        "model_type": "llama",
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32,
        },
    },
    "mistral": {"model_type": "mistral", "sliding_window": 5, "head_dim": 8},
    "qwen2": {"model_type": "qwen2", "tie_word_embeddings": True},
    "qwen3": {"model_type": "qwen3", "tie_word_embeddings": True, "head_dim": 8},
}


@pytest.fixture(params=FAMILIES)
def tiny_model(request: pytest.FixtureRequest) -> CausalLM:
    """A tiny model with random weights, of each family in turn."""
    return make_tiny(FAMILIES[request.param])


def make_tiny(family: dict[str, Any]) -> CausalLM:
    model = CausalLM(ModelConfig.from_hugging_face(SHAPE | family))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
    return model


@pytest.fixture
def qwen2() -> CausalLM:
    return make_tiny(FAMILIES["qwen2"])


@pytest.fixture
def make_group() -> Callable[..., Group]:
    """A group for the problem 1+1, of the given texts; each completion has two tokens."""

    def make(*texts: str, index: int = 0, version: int = 0) -> Group:
        completions = [Completion([2 + i, 1], [-1.0, -0.5], "stop") for i in range(len(texts))]
        problem = Problem(id="1+1=", prompt="1+1=", reference={"answer": "2"})
        return Group(index, version, problem, [3, 4, 5], completions, list(texts))

    return make
