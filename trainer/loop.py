"""The GRPO loop: sample groups, submit each the moment it ends, train as rewards arrive, update.

Invariants: at most `max_staleness` batches are in flight beyond the one trained on; every group is stamped
with the version of the policy that sampled it, and one older than `max_staleness` updates is dropped and
counted; at max_staleness 0 groups are trained in the order of their index, so that a run depends on its
seed alone.
"""

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from trainer.config import Config
from trainer.metrics import reward_metrics
from trainer.optimiser import create_optimiser, set_learning_rate
from trainer.policy import Policy
from trainer.rollout import Group, ScoredGroup
from trainer.sampler import Sampler, Sampling
from trainer.scoring import Scorer
from trainer.tasks import Task
from trainer.update import MAX_SKIPPED, Diverged, Update


@dataclass
class Totals:
    """Sums over all steps of a run, resumed ones included."""

    seconds: float = 0.0
    waited: float = 0.0
    tokens: int = 0
    items: int = 0
    masked: int = 0


@dataclass(frozen=True)
class StepResult:
    """What one step leaves: its number (from 1), its metrics, and the groups it consumed."""

    step: int
    metrics: dict[str, float]
    groups: list[ScoredGroup]


class Loop:
    """The state of training; `steps` advances it."""

    def __init__(self, config: Config, policy: Policy, task: Task, scorer: Scorer) -> None:
        self._config, self._policy, self._task, self._scorer = config, policy, task, scorer
        self._sampler = Sampler(policy.model, policy.tokenizer.ends, config.seed)
        self._optimiser = create_optimiser(policy.model, config.learning_rate)
        self._reference = copy.deepcopy(policy.model) if config.loss.kl != "none" else None
        self._sampling = Sampling(config.group_size, config.max_tokens, config.temperature, config.slots)
        self._batches = 0
        self._skipped = 0
        self.step = 0
        self.totals = Totals()

    def steps(self) -> Iterator[StepResult]:
        """Train to the end, yielding after every update."""
        while self.step < self._config.steps:
            yield self._advance()

    def _advance(self) -> StepResult:
        started = time.perf_counter()
        tokens = self._sample_ahead()
        sampled = time.perf_counter()
        update = Update(self._config, self._policy.model, self._reference)
        groups: list[ScoredGroup] = []
        dropped, waited = 0, 0.0
        asked = time.perf_counter()
        for arrived in self._arrivals():
            waited += time.perf_counter() - asked
            fresh = [scored for scored in arrived if self._is_fresh(scored.group)]
            dropped += len(arrived) - len(fresh)
            if fresh:
                update.add(fresh)
            groups += fresh
            asked = time.perf_counter()
        set_learning_rate(self._optimiser, self._config.learning_rate, self.step, self._config.warmup_steps)
        grad_norm = update.apply(self._optimiser)
        self._guard(grad_norm)
        ended = time.perf_counter()
        metrics = reward_metrics(groups) | {
            "groups/dropped_stale": dropped / max(1, dropped + len(groups)),
            "staleness/mean": sum(self.step - g.group.version for g in groups) / max(1, len(groups)),
            "time/sample": sampled - started,
            "time/wait": waited,
            "time/train": ended - sampled - waited,
            "tokens_per_s": tokens / (ended - started),
            "loss": update.sums.loss / max(1, update.sums.normaliser),
            "kl": update.sums.per_token("kl"),
            "entropy": update.sums.per_token("entropy"),
            "grad_norm": grad_norm,
            "clip_fraction": update.sums.per_token("clipped"),
        }
        self.step += 1
        every = self._config.loss.reference_every
        if self._reference is not None and every and self.step % every == 0:
            self._reference.load_state_dict(self._policy.model.state_dict())
        self._count(ended - started, waited, tokens, groups)
        return StepResult(self.step, metrics, groups)

    def _is_fresh(self, group: Group) -> bool:
        return self.step - group.version <= self._config.max_staleness

    def _sample_ahead(self) -> int:
        """Sample until `max_staleness` batches are in flight beyond the next; returns the tokens sampled."""
        tokens = 0
        batches = min(self._config.max_staleness + 1, self._config.steps - self.step)
        wanted = batches * self._config.prompts_per_step
        while sum(map(self._is_fresh, self._scorer.outstanding)) < wanted:
            first = self._batches * self._config.prompts_per_step
            problems = [
                self._task.problem(self._config.seed, first + i) for i in range(self._config.prompts_per_step)
            ]
            prompts = [self._policy.tokenizer.encode(problem.prompt) for problem in problems]
            for i, completions in self._sampler.sample(prompts, self._sampling):
                texts = [self._policy.tokenizer.decode(completion.tokens) for completion in completions]
                group = Group(first + i, self.step, problems[i], prompts[i], completions, texts)
                self._scorer.submit([group])
                tokens += sum(len(completion.tokens) for completion in completions)
            self._batches += 1
        return tokens

    def _arrivals(self) -> Iterator[list[ScoredGroup]]:
        """The groups of one step, and stale ones among them: in order of arrival, or of their index where the
        run must be reproducible; all at once where advantages depend on the whole batch."""
        if self._config.max_staleness == 0:
            yield self._scorer.all()
        elif self._config.advantage.scale == "batch":
            yield [scored for arrived in self._as_they_come() for scored in arrived]
        else:
            yield from self._as_they_come()

    def _as_they_come(self) -> Iterator[list[ScoredGroup]]:
        left = self._config.prompts_per_step
        while left and self._scorer.outstanding:
            for arrived in self._scorer.arrivals(left):
                yield arrived
                left -= sum(self._is_fresh(scored.group) for scored in arrived)

    def _guard(self, grad_norm: float) -> None:
        """Let a rare bad gradient pass (its update was skipped), stop when they follow one another."""
        self._skipped = 0 if math.isfinite(grad_norm) else self._skipped + 1
        if self._skipped == MAX_SKIPPED:
            raise Diverged(
                f"gradients were not finite in {MAX_SKIPPED} updates in a row, up to step {self.step + 1}: "
                "lower learning_rate or loss.clip_high and resume from a checkpoint"
            )

    def _count(self, seconds: float, waited: float, tokens: int, groups: list[ScoredGroup]) -> None:
        self.totals.seconds += seconds
        self.totals.waited += waited
        self.totals.tokens += tokens
        self.totals.items += sum(len(g.results) for g in groups)
        self.totals.masked += sum(math.isnan(reward) for g in groups for reward in g.rewards)

    def state(self) -> dict[str, Any]:
        """All that training depends on besides the policy, in plain containers; groups in flight included."""
        return {
            "step": self.step,
            "batches": self._batches,
            "totals": asdict(self.totals),
            "optimiser": self._optimiser.state_dict(),
            "sampler": self._sampler.generator.get_state(),
            "in_flight": [group.to_state() for group in self._scorer.outstanding],
            "reference": self._reference.state_dict() if self._reference is not None else None,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave; groups in flight are submitted again."""
        self.step, self._batches = state["step"], state["batches"]
        self.totals = Totals(**state["totals"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._sampler.generator.set_state(state["sampler"])
        if self._reference is not None:
            self._reference.load_state_dict(state["reference"])
        for group in state["in_flight"]:
            self._scorer.submit([Group.from_state(group)])
