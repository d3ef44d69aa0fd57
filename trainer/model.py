"""Decoder-only language models of the Llama, Mistral, Qwen2/2.5 and Qwen3 shapes, in plain PyTorch.

One class serves all four families: they differ in biases, query/key norms, tied heads, RoPE scaling and
sliding windows, all of which `ModelConfig` reads from a Hugging Face `config.json`. Query, key and value
(and gate and up) are one matrix each; `to_hugging_face` and `from_hugging_face` translate to the public
parameter names.

The layers do not know how attention is carried out: they call an `Attend`, which is causal over whole
sequences (training, prefill) or over a preallocated cache (decoding, in sampler.py).
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""(layer, queries [B, H, T, d], keys [B, K, T, d], values [B, K, T, d]) -> [B, H, T, d]"""

FAMILIES = ("llama", "mistral", "qwen2", "qwen3")


class UnsupportedModel(ValueError):
    """The configuration asks for something this file does not implement."""


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a model. `source` is the Hugging Face configuration it was read from."""

    family: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float
    rope_scaling: Mapping[str, Any]
    tied_head: bool
    qkv_bias: bool
    output_bias: bool
    mlp_bias: bool
    qk_norm: bool
    sliding_windows: tuple[int | None, ...]
    source: Mapping[str, Any]

    @classmethod
    def from_hugging_face(cls, source: Mapping[str, Any]) -> "ModelConfig":
        """Read a `config.json`. Raises UnsupportedModel for another family, activation or RoPE type."""
        family = source.get("model_type")
        if family not in FAMILIES:
            raise UnsupportedModel(f"model_type {family!r}: one of {', '.join(FAMILIES)} is needed")
        if source.get("hidden_act", "silu") != "silu":
            raise UnsupportedModel(f"hidden_act {source['hidden_act']!r}: only silu is implemented")
        heads = source["num_attention_heads"]
        rope = dict(source.get("rope_parameters") or source.get("rope_scaling") or {})
        any_bias = bool(source.get("attention_bias", False))
        return cls(
            family=family,
            vocab_size=source["vocab_size"],
            hidden_size=source["hidden_size"],
            intermediate_size=source["intermediate_size"],
            layers=source["num_hidden_layers"],
            heads=heads,
            kv_heads=source.get("num_key_value_heads") or heads,
            head_dim=source.get("head_dim") or source["hidden_size"] // heads,
            rms_norm_eps=source.get("rms_norm_eps", 1e-6),
            rope_theta=rope.pop("rope_theta", None) or source.get("rope_theta") or 10_000.0,
            rope_scaling=rope,
            tied_head=bool(source.get("tie_word_embeddings", False)),
            qkv_bias=family == "qwen2" or any_bias,
            output_bias=any_bias and family in ("llama", "qwen3"),
            mlp_bias=family == "llama" and bool(source.get("mlp_bias", False)),
            qk_norm=family == "qwen3",
            sliding_windows=_sliding_windows(family, source),
            source=dict(source),
        )


def _sliding_windows(family: str, source: Mapping[str, Any]) -> tuple[int | None, ...]:
    """The attention window of each layer in tokens; None where a layer sees everything before it."""
    layers: int = source["num_hidden_layers"]
    window: int | None = source.get("sliding_window")
    if family in ("qwen2", "qwen3"):
        if not source.get("use_sliding_window", False):
            window = None
        kinds = source.get("layer_types")
        if kinds is None:
            first = source.get("max_window_layers", 28)
            kinds = ["sliding_attention" if i >= first else "full_attention" for i in range(layers)]
        return tuple(window if kind == "sliding_attention" else None for kind in kinds)
    return (window if family == "mistral" else None,) * layers


def rope_frequencies(config: ModelConfig) -> Tensor:
    """Rotation per position of each pair of dimensions, [head_dim / 2] (RoFormer, arXiv 2104.09864, eq
    15)."""
    d, scaling = config.head_dim, config.rope_scaling
    frequencies = config.rope_theta ** (-torch.arange(0, d, 2, dtype=torch.float32) / d)
    kind = scaling.get("rope_type") or scaling.get("type") or "default"
    if kind == "default":
        return frequencies
    if kind == "linear":
        return frequencies / float(scaling["factor"])
    if kind == "llama3":
        return _llama3_frequencies(frequencies, scaling)
    raise UnsupportedModel(f"RoPE type {kind!r}: default, linear and llama3 are implemented")


def _llama3_frequencies(frequencies: Tensor, scaling: Mapping[str, Any]) -> Tensor:
    """Llama 3.1: slow rotations are divided by `factor`, fast ones kept, the band between interpolated."""
    low, high = float(scaling["low_freq_factor"]), float(scaling["high_freq_factor"])
    context = int(scaling["original_max_position_embeddings"])
    turns = context * frequencies / (2 * math.pi)  # over the context it was first trained with
    keep = ((turns - low) / (high - low)).clamp(0, 1)
    return keep * frequencies + (1 - keep) * frequencies / float(scaling["factor"])


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of x [B, H, T, d] by cos, sin [B or 1, 1, T, d]; halves are the pairs."""
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


def causal_attention(config: ModelConfig) -> Attend:
    """Whole sequences, each token seeing itself and what stands before it (within the layer's window)."""

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        window, length = config.sliding_windows[layer], q.shape[2]
        mask = None
        if window is not None and length > window:
            distance = torch.arange(length, device=q.device)[:, None] - torch.arange(length, device=q.device)
            mask = (distance >= 0) & (distance < window)  # [T, T]
        grouped = config.heads != config.kv_heads
        return F.scaled_dot_product_attention(q, k, v, mask, is_causal=mask is None, enable_gqa=grouped)

    return attend


class Attention(nn.Module):
    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.layer, self.heads, self.kv_heads, self.head_dim = (
            layer,
            config.heads,
            config.kv_heads,
            config.head_dim,
        )
        inner = config.heads * config.head_dim
        fused = inner + 2 * config.kv_heads * config.head_dim
        self.qkv_proj = nn.Linear(config.hidden_size, fused, bias=config.qkv_bias)
        self.o_proj = nn.Linear(inner, config.hidden_size, bias=config.output_bias)
        if config.qk_norm:
            self.q_norm = nn.RMSNorm(config.head_dim, config.rms_norm_eps)
            self.k_norm = nn.RMSNorm(config.head_dim, config.rms_norm_eps)
        self.qk_norm = config.qk_norm

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, attend: Attend) -> Tensor:
        batch, length, _ = x.shape
        heads = self.qkv_proj(x).view(batch, length, -1, self.head_dim).transpose(1, 2)  # [B, H+2K, T, d]
        q, k, v = heads.split((self.heads, self.kv_heads, self.kv_heads), dim=1)
        if self.qk_norm:
            q, k = self.q_norm(q), self.k_norm(k)
        mixed = attend(self.layer, rotate(q, cos, sin), rotate(k, cos, sin), v)  # [B, H, T, d]
        out: Tensor = self.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1))
        return out


class FeedForward(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_up_proj = nn.Linear(config.hidden_size, 2 * config.intermediate_size, bias=config.mlp_bias)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=config.mlp_bias)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up_proj(x).chunk(2, -1)
        out: Tensor = self.down_proj(F.silu(gate) * up)
        return out


class Layer(nn.Module):
    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config, layer)
        self.post_attention_layernorm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = FeedForward(config)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, attend: Attend) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, attend)
        return x + self.mlp(self.post_attention_layernorm(x))  # type: ignore[no-any-return]


class CausalLM(nn.Module):
    """A language model: token ids in, hidden states and logits out."""

    inverse_frequencies: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config, i) for i in range(config.layers))
        self.norm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        if not config.tied_head:
            self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.register_buffer("inverse_frequencies", rope_frequencies(config), persistent=False)
        self.whole_sequences = causal_attention(config)

    def hidden(self, ids: Tensor, positions: Tensor | None = None, attend: Attend | None = None) -> Tensor:
        """Hidden states [B, T, D] of ids [B, T] at positions [B, T] (0, 1, 2 … by default)."""
        if positions is None:
            positions = torch.arange(ids.shape[1], device=ids.device)[None]
        angles = positions[..., None].float() * self.inverse_frequencies  # [B, T, d/2]
        angles = torch.cat((angles, angles), -1)[:, None]  # [B, 1, T, d]
        x = self.embed_tokens(ids)
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        for layer in self.layers:
            x = layer(x, cos, sin, attend or self.whole_sequences)
        out: Tensor = self.norm(x)
        return out

    @property
    def head(self) -> Tensor:
        """The matrix from hidden states to logits, [V, D]."""
        return self.embed_tokens.weight if self.config.tied_head else self.lm_head.weight

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits [..., V] in fp32 of hidden states [..., D]."""
        return F.linear(hidden, self.head).float()

    def initialise(self, generator: torch.Generator) -> None:
        """Random weights: embeddings N(0, 0.02²), matrices N(0, 1/fan_in), norms 1, biases 0."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.ndim == 1:
                nn.init.ones_(parameter)
            else:
                std = 0.02 if name == "embed_tokens.weight" else parameter.shape[1] ** -0.5
                nn.init.normal_(parameter, std=std, generator=generator)


def to_hugging_face(model: CausalLM) -> dict[str, Tensor]:
    """The parameters under their public names, fused matrices split; the tensors are contiguous copies."""
    config, public = model.config, dict[str, Tensor]()
    sizes = [
        config.heads * config.head_dim,
        config.kv_heads * config.head_dim,
        config.kv_heads * config.head_dim,
    ]
    for name, tensor in model.state_dict().items():
        if "qkv_proj" in name:
            parts = zip("qkv", tensor.split(sizes), strict=True)
            public |= {f"model.{name.replace('qkv_proj', f'{kind}_proj')}": part for kind, part in parts}
        elif "gate_up_proj" in name:
            gate_up = zip(("gate", "up"), tensor.chunk(2), strict=True)
            public |= {f"model.{name.replace('gate_up', kind)}": part for kind, part in gate_up}
        else:
            public[name if name.startswith("lm_head") else f"model.{name}"] = tensor
    return {name: tensor.clone().contiguous() for name, tensor in public.items()}


def from_hugging_face(model: CausalLM, public: Mapping[str, Tensor]) -> None:
    """Load parameters given under their public names. Raises RuntimeError if one is missing or left over."""
    state: dict[str, Tensor] = {}
    for name, tensor in public.items():
        own = name.removeprefix("model.")
        if (own == "lm_head.weight" and model.config.tied_head) or "rotary_emb.inv_freq" in own:
            continue
        if re.search(r"\.(q_proj|gate_proj)\.", own):
            kinds = ("q", "k", "v") if ".q_proj." in own else ("gate", "up")
            parts = [public[name.replace(f"{kinds[0]}_proj", f"{kind}_proj")] for kind in kinds]
            fused = "qkv_proj" if kinds[0] == "q" else "gate_up_proj"
            state[own.replace(f"{kinds[0]}_proj", fused)] = torch.cat(parts)
        elif not re.search(r"\.(k_proj|v_proj|up_proj)\.", own):
            state[own] = tensor
    model.load_state_dict(state)
