"""The stages of a run, in order: a policy, its cold start, evaluation, reinforcement learning, evaluation,
the report."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from trainer import checkpoint, policy
from trainer.config import Config
from trainer.evaluation import Evaluator
from trainer.loop import Loop
from trainer.monitor import Monitor, finite, rewind
from trainer.policy import Policy
from trainer.report import write_report
from trainer.scoring import Scorer
from trainer.sft import cold_start
from trainer_client import Verifier


def run(
    config: Config, folder: Path, verifier: Verifier, watch: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """One whole run, or the rest of one, which writes into `folder`. Returns what summary.json holds."""
    torch.set_num_threads(config.threads)
    with Monitor(folder) as monitor:
        summary = _Run(config, monitor, verifier, watch).go()
    write_report(folder)
    return summary


class _Run:
    def __init__(
        self, config: Config, monitor: Monitor, verifier: Verifier, watch: Callable[[], None]
    ) -> None:
        self.config, self.monitor = config, monitor
        self.checkpoints = monitor.folder / checkpoint.FOLDER
        self.rollouts, self.answers = (
            Scorer(verifier, config.rewards, monitor.folder.name, monitor.status, watch) for _ in range(2)
        )
        self.before = math.nan
        self.earlier_seconds = 0.0
        self.started = time.perf_counter()

    def go(self) -> dict[str, Any]:
        config, saved = self.config, None
        if config.resume:
            current, saved = checkpoint.load(checkpoint.saved(self.checkpoints)[-1])
        elif config.model.path:
            current = policy.load(Path(config.model.path))
        else:
            current = policy.create(config.model, config.task, config.max_tokens, config.seed)
        current.model.to(device(config))
        self.record(current)
        evaluator = Evaluator(config, current, config.task.held_out(), self.answers)
        if saved is None:
            self.cold_start(current, evaluator)
            self.before = self.evaluate(evaluator, 0, final=True)
            loop = Loop(config, current, config.task, self.rollouts)
            self.save(current, loop)
        else:
            loop = Loop(config, current, config.task, self.rollouts)
            self.restore(saved, loop)
        self.reinforce(current, loop, evaluator)
        after = self.evaluate(evaluator, loop.step, final=True)
        self.record(current)
        return self.summarise(loop, after)

    def cold_start(self, current: Policy, evaluator: Evaluator) -> None:
        config = self.config
        self.monitor.stage("cold start", config.sft.max_steps)

        def tell(step: int, loss: float, accuracy: float) -> None:
            self.monitor.advance(step, loss=loss, accuracy=accuracy)

        steps = cold_start(current, config.task, config.sft, config.seed, evaluator, tell)
        self.monitor.say(f"cold start: {steps} steps, {self.seconds():.0f} s")

    def reinforce(self, current: Policy, loop: Loop, evaluator: Evaluator) -> None:
        config = self.config
        self.monitor.stage("GRPO", config.steps, loop.step)
        for result in loop.steps():
            step, metrics = result.step, result.metrics
            self.monitor.metrics(step, metrics)
            self.monitor.advance(step, reward=metrics["reward/mean"], accuracy=metrics["accuracy"])
            if step % config.rollouts_every == 0 or step == 1:
                self.monitor.rollouts(step, result.groups)
            if step % config.eval_every == 0 and step < config.steps:
                self.evaluate(evaluator, step, final=False)
            if step % config.checkpoint_every == 0 or step == config.steps:
                self.save(current, loop)

    def evaluate(self, evaluator: Evaluator, step: int, final: bool) -> float:
        """Greedy accuracy, recorded; the first and last evaluation also sample for pass@k."""
        accuracy = evaluator.greedy_accuracy(self.config.eval_problems)
        metrics = {"accuracy": accuracy}
        if final and self.config.eval_samples:
            metrics |= evaluator.pass_at(self.config.eval_problems, self.config.eval_samples)
        self.monitor.evaluation(step, self.config.task.name, metrics)
        self.monitor.say(
            f"step {step}: " + ", ".join(f"{name} {value:.1%}" for name, value in metrics.items())
        )
        return accuracy

    def save(self, current: Policy, loop: Loop) -> None:
        state = {"accuracy_before": self.before, "seconds": self.seconds(), "loop": loop.state()}
        checkpoint.save(self.checkpoints, loop.step, current, state, self.config.keep_checkpoints)

    def restore(self, saved: dict[str, Any], loop: Loop) -> None:
        self.before, self.earlier_seconds = saved["accuracy_before"], saved["seconds"]
        loop.restore(saved["loop"])
        rewind(self.monitor.folder, loop.step)
        self.monitor.say(f"resumed at step {loop.step}")

    def record(self, current: Policy) -> None:
        self.monitor.config(self.config, self.answers.graders, str(current.device))

    def seconds(self) -> float:
        """Of the whole run, resumed parts included."""
        return self.earlier_seconds + time.perf_counter() - self.started

    def summarise(self, loop: Loop, after: float) -> dict[str, Any]:
        totals = loop.totals
        summary = finite(
            {
                "accuracy_before": self.before,
                "accuracy_after": after,
                "steps": loop.step,
                "seconds": self.seconds(),
                "tokens_per_s": totals.tokens / max(totals.seconds, 1e-9),
                "wait_fraction": totals.waited / max(totals.seconds, 1e-9),
                "masked_fraction": totals.masked / max(1, totals.items),
            }
        )
        self.monitor.summary(summary)
        return summary


def device(config: Config) -> torch.device:
    """The configured device; `auto` is CUDA where there is one."""
    if config.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(config.device)
