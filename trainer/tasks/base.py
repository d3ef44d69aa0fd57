"""What the trainer asks of a task."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Problem:
    """One prompt and the ground truth the verifier judges its completions by."""

    id: str
    prompt: str
    reference: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trace:
    """One example for the cold start."""

    prompt: str
    completion: str


class Task(Protocol):
    """Problems by number: the same seed and index always give the same problem, so that a position in the
    data is one integer."""

    @property
    def name(self) -> str: ...

    def problem(self, seed: int, index: int) -> Problem:
        """A problem to train on; never one of those held out."""

    def held_out(self) -> list[Problem]:
        """The problems to evaluate on, the same for every seed."""

    def trace(self, seed: int, index: int) -> Trace:
        """An example for supervised fine-tuning; its problem is never one of those held out."""

    def vocabulary(self) -> Sequence[str]:
        """The tokens of a model that starts from nothing."""
