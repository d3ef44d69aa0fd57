"""The numbers of one step that come from its scored groups. All are shares or means, never counts."""

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, pstdev

import torch

from trainer.advantage import has_spread
from trainer.rollout import ScoredGroup, verdict
from trainer_client.wire import ItemResult


def reward_metrics(groups: Sequence[ScoredGroup]) -> dict[str, float]:
    """Rewards, verdicts and lengths of a step's groups; NaN where nothing was judged."""
    results = [result for group in groups for result in group.results]
    rewards = [reward for group in groups for reward in group.rewards if not math.isnan(reward)]
    judged = [result for result in results if result["status"] == "ok"]
    completions = [completion for group in groups for completion in group.group.completions]
    lengths = [len(completion.tokens) for completion in completions]
    stopped = [len(c.tokens) for c in completions if c.finish_reason == "stop"]
    table = torch.tensor([group.rewards for group in groups])  # [N, G]
    spread = has_spread(table, ~table.isnan()).tolist() if groups else []
    return {
        "reward/mean": mean(rewards),
        "reward/std": pstdev(rewards) if rewards else math.nan,
        **{f"reward/{name}/mean": mean(scores) for name, scores in component_scores(results).items()},
        "accuracy": mean(verdict(result) == "correct" for result in judged),
        "length/mean": mean(lengths),
        "length/clipped": mean(completion.finish_reason == "length" for completion in completions),
        "length/stopped_mean": mean(stopped),
        "groups/zero_spread": mean(not s for s in spread),
        "items/masked": 1 - len(rewards) / max(1, len(results)),
    }


def component_scores(results: Iterable[ItemResult]) -> dict[str, list[float]]:
    """The scores of every component by its name, those not judged left out."""
    scores: dict[str, list[float]] = {}
    for result in results:
        for component in result["components"]:
            score = component["score"]
            known = scores.setdefault(component["name"], [])
            if score is not None:
                known.append(score)
    return scores


def mean(values: Iterable[float]) -> float:
    """Mean; NaN of nothing."""
    numbers = list(values)
    return fmean(numbers) if numbers else math.nan
