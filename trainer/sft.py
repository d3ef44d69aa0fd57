"""Supervised fine-tuning on a task's traces: the cold start, stopped once greedy accuracy is high enough to
learn from rewards (a policy that is almost never right gives groups without spread, and no gradient)."""

from collections.abc import Callable

import torch

from trainer.config import SftConfig
from trainer.evaluation import Evaluator
from trainer.logprobs import collate, completion_logprobs
from trainer.optimiser import create_optimiser, set_learning_rate
from trainer.policy import Policy
from trainer.tasks import Task


def cold_start(
    policy: Policy,
    task: Task,
    config: SftConfig,
    seed: int,
    evaluator: Evaluator,
    tell: Callable[[int, float, float], None],
) -> int:
    """Train until the accuracy target or max_steps; returns the steps made. `tell` hears (step, loss,
    accuracy)."""
    optimiser = create_optimiser(policy.model, config.learning_rate)
    encode = policy.tokenizer.encode
    for step in range(config.max_steps):
        set_learning_rate(optimiser, config.learning_rate, step, config.warmup_steps)
        pairs = []
        for i in range(config.batch_size):
            trace = task.trace(seed, step * config.batch_size + i)
            pairs.append((encode(trace.prompt), [*encode(trace.completion), policy.tokenizer.ends[0]]))
        batch = collate(pairs, policy.device)
        logprobs, _ = completion_logprobs(policy.model, batch)
        loss = -logprobs.sum() / batch.mask.sum()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(policy.model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        if (step + 1) % config.eval_every == 0:
            accuracy = evaluator.greedy_accuracy(config.eval_problems)
            tell(step + 1, loss.item(), accuracy)
            if accuracy >= config.target_accuracy:
                return step + 1
    return config.max_steps
