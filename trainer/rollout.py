"""What travels from the sampler through the verifier to the loss."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from trainer.sampler import Completion
from trainer.tasks import Problem
from trainer_client.wire import ItemResult


@dataclass(frozen=True)
class Group:
    """G completions of one prompt, sampled by one version of the policy."""

    index: int
    """Its number in the run"""
    version: int
    """Updates the policy had seen when it was sampled"""
    problem: Problem
    prompt: list[int]
    """Tokens of the prompt"""
    completions: list[Completion]
    texts: list[str]
    """The completions as text, without the end token"""

    def to_state(self) -> dict[str, Any]:
        """Plain containers, for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Group":
        """The group that `to_state` wrote."""
        completions = [Completion(**completion) for completion in state["completions"]]
        return cls(**{**state, "problem": Problem(**state["problem"]), "completions": completions})


@dataclass(frozen=True)
class ScoredGroup:
    """A group and what the verifier said of each completion, in order."""

    group: Group
    results: list[ItemResult]

    @property
    def rewards(self) -> list[float]:
        """NaN where the verifier could not judge: such a reward is masked, and never 0."""
        return [math.nan if r["status"] != "ok" or r["reward"] is None else r["reward"] for r in self.results]


def verdict(result: ItemResult) -> str | None:
    """That of the first component which bears one; None if the item was not judged or only shaped."""
    if result["status"] != "ok":
        return None
    verdicts = (component.get("verdict") for component in result["components"])
    return next((v for v in verdicts if v and v != "scored"), None)
