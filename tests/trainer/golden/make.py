"""Write transformers.json: what transformers computes for tiny models of every family.

Run where transformers is installed: `python tests/trainer/golden/make.py`. The weights follow a formula, so
that they need not be stored.
"""

import json
from pathlib import Path
from typing import Any

import torch
import transformers

SHAPE: dict[str, Any] = {
    "vocab_size": 23,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-6,
}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
    "rope_theta": 10_000.0,
}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", {}),
    "llama with biases": ("Llama", {"attention_bias": True, "mlp_bias": True}),
    "llama 3.1": ("Llama", {"rope_parameters": LLAMA3}),
    "llama, linear rope": (
        "Llama",
        {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0}},
    ),
    "mistral": ("Mistral", {"sliding_window": None, "head_dim": 8}),
    "mistral, sliding window": ("Mistral", {"sliding_window": 5}),
    "qwen2": ("Qwen2", {"tie_word_embeddings": True}),
    "qwen2, sliding window": (
        "Qwen2",
        {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1},
    ),
    "qwen3": ("Qwen3", {"tie_word_embeddings": True, "head_dim": 8}),
    "qwen3 with biases": ("Qwen3", {"attention_bias": True, "head_dim": 8}),
}
IDS = [3, 7, 11, 2, 5, 19, 13, 8, 4, 21, 6, 9]


def fill(number: int, shape: torch.Size) -> torch.Tensor:
    """The weights of the parameter with this number, counted in the order of their names."""
    index = torch.arange(shape.numel(), dtype=torch.float64)
    return (torch.sin(index * (0.7 + number / 10) + number) * 0.5).reshape(shape).float()


def compute(family: str, changes: dict[str, Any]) -> dict[str, Any]:
    config = getattr(transformers, f"{family}Config")(**SHAPE, **changes, eos_token_id=1, pad_token_id=0)
    config._attn_implementation = "eager"
    model = getattr(transformers, f"{family}ForCausalLM")(config).eval()
    with torch.no_grad():
        for number, (_, parameter) in enumerate(sorted(model.named_parameters())):
            parameter.copy_(fill(number, parameter.shape))
        ids = torch.tensor([IDS])
        logits = model(ids).logits[0]
        generated = model.generate(ids, max_new_tokens=12, do_sample=False)[0, len(IDS) :]
    return {
        "config": json.loads(config.to_json_string(use_diff=False)),
        "logits": [[round(value, 7) for value in row] for row in logits.tolist()],
        "generated": generated.tolist(),
    }


if __name__ == "__main__":
    golden = {name: compute(family, changes) for name, (family, changes) in MODELS.items()}
    text = json.dumps({"transformers": transformers.__version__, "ids": IDS, "models": golden}, indent=None)
    Path(__file__).with_name("transformers.json").write_text(text + "\n")
