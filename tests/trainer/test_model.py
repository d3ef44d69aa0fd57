import math

import pytest
import torch

from trainer.model import (
    CausalLM,
    ModelConfig,
    UnsupportedModel,
    from_hugging_face,
    rope_frequencies,
    to_hugging_face,
)

BASE = {
    "model_type": "qwen2",
    "vocab_size": 8,
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
}


def config(**changes: object) -> ModelConfig:
    return ModelConfig.from_hugging_face(BASE | changes)


def test_a_token_does_not_see_what_follows_it(tiny_model: CausalLM) -> None:
    ids = torch.tensor([[2, 3, 4, 5, 6, 7, 8, 9]])
    changed = ids.clone()
    changed[0, 5:] = 20
    before, after = tiny_model.hidden(ids), tiny_model.hidden(changed)
    assert torch.allclose(before[0, :5], after[0, :5], atol=1e-6)
    assert not torch.allclose(before[0, 5:], after[0, 5:], atol=1e-2)


def test_a_sliding_window_hides_what_lies_behind_it() -> None:
    shape = config(model_type="mistral", sliding_window=3, num_hidden_layers=1)
    model = CausalLM(shape)
    model.initialise(torch.Generator().manual_seed(0))
    ids = torch.tensor([[1, 2, 3, 4, 5, 6]])
    changed = ids.clone()
    changed[0, 0] = 7
    before, after = model.hidden(ids)[0], model.hidden(changed)[0]
    assert not torch.allclose(before[2], after[2], atol=1e-4)
    assert torch.allclose(before[3:], after[3:], atol=1e-6)


def test_public_names_are_those_of_hugging_face(tiny_model: CausalLM) -> None:
    names = to_hugging_face(tiny_model)
    layer = "model.layers.1."
    expected = {
        "model.embed_tokens.weight",
        "model.norm.weight",
        *(f"{layer}self_attn.{kind}_proj.weight" for kind in "qkvo"),
        *(f"{layer}mlp.{kind}_proj.weight" for kind in ("gate", "up", "down")),
        f"{layer}input_layernorm.weight",
        f"{layer}post_attention_layernorm.weight",
    }
    assert expected <= set(names)
    assert ("lm_head.weight" in names) is not tiny_model.config.tied_head
    assert (f"{layer}self_attn.q_proj.bias" in names) is tiny_model.config.qkv_bias
    assert (f"{layer}self_attn.q_norm.weight" in names) is tiny_model.config.qk_norm


def test_parameters_survive_the_way_out_and_back(tiny_model: CausalLM) -> None:
    other = CausalLM(tiny_model.config)
    from_hugging_face(other, to_hugging_face(tiny_model))
    for name, tensor in tiny_model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])


def test_a_missing_or_foreign_parameter_is_refused(qwen2: CausalLM) -> None:
    public = to_hugging_face(qwen2)
    with pytest.raises(RuntimeError, match="Unexpected key"):
        from_hugging_face(qwen2, public | {"model.extra.weight": torch.zeros(1)})
    with pytest.raises(RuntimeError, match="Missing key"):
        from_hugging_face(qwen2, {name: t for name, t in public.items() if "o_proj" not in name})


def test_what_is_not_implemented_is_refused() -> None:
    for changes in (
        {"model_type": "gpt2"},
        {"hidden_act": "gelu"},
        {"rope_scaling": {"rope_type": "yarn", "factor": 2.0}},
    ):
        with pytest.raises(UnsupportedModel):
            CausalLM(config(**changes))


def test_windows_by_layer() -> None:
    assert config(sliding_window=4).sliding_windows == (None, None, None)
    used = config(sliding_window=4, use_sliding_window=True, max_window_layers=2)
    assert used.sliding_windows == (None, None, 4)
    typed = config(
        sliding_window=4,
        use_sliding_window=True,
        layer_types=["sliding_attention", "full_attention", "full_attention"],
    )
    assert typed.sliding_windows == (4, None, None)
    assert config(model_type="mistral", sliding_window=4).sliding_windows == (4, 4, 4)
    assert config(model_type="llama", sliding_window=4).sliding_windows == (None, None, None)


def test_rope_scaling() -> None:
    plain = rope_frequencies(config())
    assert plain.tolist() == pytest.approx([1, 10_000**-0.5])
    linear = rope_frequencies(config(rope_scaling={"type": "linear", "factor": 4.0}))
    assert linear.tolist() == pytest.approx([0.25, 10_000**-0.5 / 4])
    # over a context of 2π·100 the first pair turns 100 times (kept), the second once (divided)
    llama3 = {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": round(2 * math.pi * 100),
        "rope_theta": 10_000.0,
    }
    scaled = rope_frequencies(config(rope_parameters=llama3))
    assert scaled.tolist() == pytest.approx([1, 0.01 / 8], rel=1e-3)
