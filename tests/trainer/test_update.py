import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

import trainer.update as module
from trainer.config import Config
from trainer.model import CausalLM
from trainer.rollout import Group, ScoredGroup
from trainer.update import Sample, Update, split
from trainer_client.wire import ItemResult

MakeGroup = Callable[..., Group]


def scored(group: Group, rewards: list[float | None]) -> ScoredGroup:
    results: list[ItemResult] = [
        {
            "index": i,
            "status": "error" if reward is None else "ok",
            "reward": reward,
            "components": [],
        }
        for i, reward in enumerate(rewards)
    ]
    return ScoredGroup(group, results)


def gradient(model: CausalLM, groups: list[list[ScoredGroup]], **changes: object) -> list[torch.Tensor]:
    """The gradient that the optimiser is handed after these groups arrived in this order."""
    update = Update(Config.model_validate(changes), model, None)
    for arrived in groups:
        update.add(arrived)
    seen: list[torch.Tensor] = []

    class Catch(torch.optim.SGD):
        def step(self, closure: object = None) -> None:  # type: ignore[override]
            seen.extend(p.grad.clone() for p in model.parameters() if p.grad is not None)

    update.apply(Catch(model.parameters(), lr=1.0))
    return seen


def close(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return len(a) == len(b) > 0 and all(torch.allclose(x, y, atol=1e-6) for x, y in zip(a, b, strict=True))


def test_arrival_in_pieces_gives_the_gradient_of_the_whole(qwen2: CausalLM, make_group: MakeGroup) -> None:
    a = scored(make_group("x", "y", "z", index=0), [1.0, 0.0, 0.0])
    b = scored(make_group("x", "y", "z", index=1), [0.0, 0.0, 1.2])
    for normalise in ("token", "sequence", "constant"):
        loss = {"normalise": normalise}
        whole = gradient(qwen2, [[a, b]], loss=loss)
        assert close(whole, gradient(qwen2, [[a], [b]], loss=loss))
        assert close(whole, gradient(qwen2, [[a, b]], loss=loss, micro_batch_tokens=1))


def test_a_group_without_spread_takes_no_forward_pass_and_changes_only_the_normaliser(
    qwen2: CausalLM, make_group: MakeGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    learns = scored(make_group("x", "y", index=0), [1.0, 0.0])
    even = scored(make_group("x", "y", index=1), [0.2, 0.2])
    passes = []
    original = module.completion_logprobs
    monkeypatch.setattr(
        module, "completion_logprobs", lambda *args: passes.append(len(args[1].ids)) or original(*args)
    )
    both = gradient(qwen2, [[learns, even]])
    assert passes == [2]
    alone = gradient(qwen2, [[learns]])
    assert close(alone, [2 * g for g in both]) or close([g / 2 for g in alone], both)


def test_with_an_entropy_bonus_even_groups_are_trained_on(qwen2: CausalLM, make_group: MakeGroup) -> None:
    even = scored(make_group("x", "y"), [0.2, 0.2])
    assert gradient(qwen2, [[even]]) == []
    assert gradient(qwen2, [[even]], loss={"entropy_weight": 0.1})


def test_a_masked_completion_is_as_if_it_had_not_been_sampled(qwen2: CausalLM, make_group: MakeGroup) -> None:
    masked = scored(make_group("x", "y", "z"), [1.0, 0.0, None])
    absent = scored(make_group("x", "y"), [1.0, 0.0])
    assert close(gradient(qwen2, [[masked]]), gradient(qwen2, [[absent]]))
    as_zero = scored(make_group("x", "y", "z"), [1.0, 0.0, 0.0])
    assert not close(gradient(qwen2, [[masked]]), gradient(qwen2, [[as_zero]]))


def test_pruned_completions_take_no_gradient(qwen2: CausalLM, make_group: MakeGroup) -> None:
    group = make_group("x", "y", "z", "w")
    pruned = gradient(
        qwen2, [[scored(group, [3.0, 1.1, 1.0, -1.0])]], advantage={"keep": 0.5, "scale": "none"}
    )
    # of the mean 1.025 the first and last are furthest; a group of those two has them at equal distance
    ends = replace(group, completions=[group.completions[0], group.completions[3]], texts=["x", "w"])
    assert not close(pruned, gradient(qwen2, [[scored(ends, [3.0, -1.0])]], advantage={"scale": "std"}))
    assert close(
        pruned,
        gradient(qwen2, [[scored(ends, [1.975, -2.025])]], advantage={"baseline": "none", "scale": "none"}),
    )


def test_truncated_completions_may_be_left_out_and_still_count_in_the_baseline(
    qwen2: CausalLM, make_group: MakeGroup
) -> None:
    group = make_group("x", "y", "z")
    cut = replace(
        group, completions=[*group.completions[:2], replace(group.completions[2], finish_reason="length")]
    )
    rewards: list[float | None] = [1.0, 0.0, 0.5]
    none = {"scale": "none"}
    filtered = gradient(qwen2, [[scored(cut, rewards)]], advantage=none | {"mask_truncated": True})
    others = replace(group, completions=group.completions[:2], texts=["x", "y"])
    assert close(
        filtered,
        gradient(qwen2, [[scored(others, [0.5, -0.5])]], advantage={"baseline": "none", "scale": "none"}),
    )
    assert not close(filtered, gradient(qwen2, [[scored(cut, rewards)]], advantage=none))


def test_nothing_judged_is_no_update(qwen2: CausalLM, make_group: MakeGroup) -> None:
    assert gradient(qwen2, [[scored(make_group("x", "y"), [None, None])]]) == []


def test_a_gradient_that_is_not_finite_is_not_applied(qwen2: CausalLM, make_group: MakeGroup) -> None:
    update = Update(Config(), qwen2, None)
    update.add([scored(make_group("x", "y"), [1.0, 0.0])])
    parameter = next(qwen2.parameters())
    assert parameter.grad is not None
    parameter.grad[0] = math.nan
    before = [p.detach().clone() for p in qwen2.parameters()]
    norm = update.apply(torch.optim.SGD(qwen2.parameters(), lr=1.0))
    assert math.isnan(norm)
    assert all(torch.equal(p, q) for p, q in zip(before, qwen2.parameters(), strict=True))
    assert all(p.grad is None for p in qwen2.parameters())


def test_micro_batches_hold_sequences_of_like_length_within_their_tokens(make_group: MakeGroup) -> None:
    completion = make_group("x").completions[0]
    samples = [Sample([0] * n, completion, 0.0) for n in (9, 1, 4, 2, 30)]
    batches = list(split(samples, 12))
    assert [[len(s.prompt) for s in batch] for batch in batches] == [[1, 2], [4], [9], [30]]
