"""Accuracy on held-out problems. The verdicts come the same way as the rewards: through the verifier."""

from collections.abc import Sequence
from math import comb

from trainer.config import Config
from trainer.policy import Policy
from trainer.rollout import Group, ScoredGroup, verdict
from trainer.sampler import Sampler, Sampling
from trainer.scoring import Scorer
from trainer.tasks import Problem

GROUPS_A_REQUEST = 64


class Evaluator:
    """Answers held-out problems and has the answers judged."""

    def __init__(self, config: Config, policy: Policy, problems: Sequence[Problem], scorer: Scorer) -> None:
        self._config, self._policy, self._problems, self._scorer = config, policy, problems, scorer

    def greedy_accuracy(self, problems: int) -> float:
        """Share of the first problems whose likeliest completion is correct, among those that could be
        judged."""
        return pass_at_k(
            self._judge(problems, Sampling(1, self._config.max_tokens, 0.0, self._config.slots)), 1
        )

    def pass_at(self, problems: int, samples: int) -> dict[str, float]:
        """pass@1 and pass@`samples` of the first problems, by sampling that many completions of each."""
        how = Sampling(samples, self._config.max_tokens, self._config.temperature, self._config.slots)
        scored = self._judge(problems, how)
        return {f"pass@{k}": pass_at_k(scored, k) for k in dict.fromkeys((1, samples))}

    def _judge(self, count: int, how: Sampling) -> list[ScoredGroup]:
        problems = self._problems[:count]
        prompts = [self._policy.tokenizer.encode(problem.prompt) for problem in problems]
        sampler = Sampler(self._policy.model, self._policy.tokenizer.ends, self._config.seed)
        groups = []
        for i, completions in sampler.sample(prompts, how):
            texts = [self._policy.tokenizer.decode(completion.tokens) for completion in completions]
            groups.append(Group(i, 0, problems[i], prompts[i], completions, texts))
        for start in range(0, len(groups), GROUPS_A_REQUEST):
            self._scorer.submit(groups[start : start + GROUPS_A_REQUEST])
        return self._scorer.all()


def pass_at_k(scored: Sequence[ScoredGroup], k: int) -> float:
    """Mean chance that one of k completions is correct, estimated without bias from all of a group's that
    were judged (Chen et al., arXiv 2107.03374, eq 1); NaN if no group has k.
    """
    chances = []
    for group in scored:
        judged = [verdict(result) for result in group.results if result["status"] == "ok"]
        wrong = sum(v != "correct" for v in judged)
        if len(judged) >= k:
            chances.append(1 - comb(wrong, k) / comb(len(judged), k))
    return sum(chances) / len(chances) if chances else float("nan")
