"""The policy: a model with its tokenizer, from random weights or a Hugging Face folder, and back to one."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from trainer.config import ShapeConfig
from trainer.model import CausalLM, ModelConfig, from_hugging_face, to_hugging_face
from trainer.tasks import Task
from trainer.tokenizer import Tokenizer


@dataclass(frozen=True)
class Policy:
    """What is trained."""

    model: CausalLM
    tokenizer: Tokenizer

    @property
    def device(self) -> torch.device:
        """Where the model lives."""
        return self.model.head.device


def create(shape: ShapeConfig, task: Task, max_tokens: int, seed: int) -> Policy:
    """A policy with random weights, in the Qwen2 shape, that speaks the task's vocabulary."""
    tokenizer = Tokenizer.of_vocabulary(task.vocabulary())
    longest_prompt = max(len(tokenizer.encode(problem.prompt)) for problem in task.held_out())
    config = ModelConfig.from_hugging_face(
        {
            "architectures": ["Qwen2ForCausalLM"],
            "model_type": "qwen2",
            "vocab_size": len(tokenizer),
            "hidden_size": shape.hidden_size,
            "intermediate_size": shape.intermediate_size,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "num_key_value_heads": shape.kv_heads,
            "max_position_embeddings": longest_prompt + max_tokens,
            "rms_norm_eps": 1e-6,
            "rope_theta": 10_000.0,
            "tie_word_embeddings": True,
            "hidden_act": "silu",
            "eos_token_id": list(tokenizer.ends),
        }
    )
    model = CausalLM(config)
    model.initialise(torch.Generator().manual_seed(seed))
    return Policy(model, tokenizer)


def load(folder: Path) -> Policy:
    """Read config.json, tokenizer.json and all *.safetensors of a folder."""
    model = CausalLM(ModelConfig.from_hugging_face(json.loads((folder / "config.json").read_text())))
    tensors = {
        name: t for shard in sorted(folder.glob("*.safetensors")) for name, t in load_file(shard).items()
    }
    from_hugging_face(model, tensors)
    return Policy(model, Tokenizer.load(folder))


def save(policy: Policy, folder: Path) -> None:
    """Write what `load`, and Hugging Face's from_pretrained, read."""
    (folder / "config.json").write_text(json.dumps(dict(policy.model.config.source), indent=2))
    save_file(to_hugging_face(policy.model), folder / "model.safetensors", metadata={"format": "pt"})
    policy.tokenizer.save(folder)
