import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.advantage import STD_FLOOR, Baseline, Scale, group_advantages, has_spread, strongest

NAN = math.nan


def advantages(rewards: list[float], baseline: Baseline = "mean", scale: Scale = "std") -> list[float]:
    table = torch.tensor([rewards])
    return [round(a, 5) for a in group_advantages(table, ~table.isnan(), baseline, scale)[0].tolist()]


@pytest.mark.parametrize(
    ("baseline", "scale", "rewards", "expected"),
    [
        # mean 0.5, sample deviation sqrt(4 * 0.25 / 3) = 0.57735
        ("mean", "std", [1, 0, 1, 0], [0.86603, -0.86603, 0.86603, -0.86603]),
        ("mean", "none", [1, 0, 0, 0], [0.75, -0.25, -0.25, -0.25]),
        # the others' mean: 0 for the right one, 1/3 for each wrong one
        ("leave_one_out", "none", [1, 0, 0, 0], [1, -0.33333, -0.33333, -0.33333]),
        ("none", "none", [1, 0, 0.5, 0], [1, 0, 0.5, 0]),
        # one group is the whole batch: mean 0.25, deviation sqrt((0.5625 + 3 * 0.0625) / 4) = 0.43301
        ("mean", "batch", [1, 0, 0, 0], [1.73205, -0.57735, -0.57735, -0.57735]),
    ],
)
def test_golden_values(baseline: Baseline, scale: Scale, rewards: list[float], expected: list[float]) -> None:
    assert advantages(rewards, baseline, scale) == expected


def test_the_deviation_of_the_batch_is_over_all_groups() -> None:
    rewards = torch.tensor([[1.0, 0.0], [0.5, 0.5], [2.0, NAN]])
    # centred: 0.5, -0.5, 0, 0, and 0 for the lone one; deviation sqrt(0.5 / 5) = 0.31623
    advantages = group_advantages(rewards, ~rewards.isnan(), "mean", "batch")
    assert advantages.flatten().tolist() == pytest.approx([1.58114, -1.58114, 0, 0, 0, 0], abs=1e-5)


def test_the_strongest_are_the_largest_by_size() -> None:
    advantages = torch.tensor([[0.1, -0.9, 0.5, 0.0], [2.0, 1.0, -3.0, 0.5]])
    assert strongest(advantages, 0.5).tolist() == [[False, True, True, False], [True, False, True, False]]
    assert strongest(advantages, 0.3).sum(1).tolist() == [2, 2]
    assert strongest(advantages, 1.0).all()


def test_a_masked_reward_has_no_part_in_mean_or_deviation_and_no_advantage() -> None:
    # of 1, 0, 0: mean 1/3, sample deviation sqrt((4/9 + 1/9 + 1/9) / 2) = 0.57735
    assert advantages([1, NAN, 0, 0]) == [1.1547, 0, -0.57735, -0.57735]
    assert advantages([1, NAN, 0, 0], "leave_one_out", "none") == [1, 0, -0.5, -0.5]


def test_a_group_without_two_judged_rewards_has_no_baseline() -> None:
    assert advantages([1, NAN, NAN]) == [0, 0, 0]
    assert advantages([NAN, NAN, NAN]) == [0, 0, 0]


def test_the_deviation_is_floored() -> None:
    a, b = advantages([1.0, 1.0 + 1e-6])
    assert abs(a) == abs(b) <= 1e-6 / STD_FLOOR


def test_spread_is_that_of_the_judged_rewards() -> None:
    table = torch.tensor(
        [[0.2, 0.2, 0.2], [0.2, 0.2, 1.2], [0.2, NAN, 0.2], [NAN, NAN, NAN], [NAN, 0.1, 0.3]]
    )
    assert has_spread(table, ~table.isnan()).tolist() == [False, True, False, False, True]


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=9), st.floats(-5, 5))
def test_advantages_sum_to_zero_and_do_not_see_a_shift(rewards: list[float], shift: float) -> None:
    table = torch.tensor([rewards], dtype=torch.float64)
    judged = torch.ones_like(table, dtype=torch.bool)
    plain = group_advantages(table, judged, "mean", "none")
    assert plain.sum().item() == pytest.approx(0, abs=1e-9)
    assert torch.allclose(plain, group_advantages(table + shift, judged, "mean", "none"), atol=1e-9)
