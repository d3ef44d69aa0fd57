"""What a row of a data set becomes: a problem with its reference, or the reason why it cannot be one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from verifier.schema import JsonObject

Prompt = str | list[JsonObject]
"""A text, or chat messages."""
Completion = str | list[JsonObject]
"""A text, or chat messages whose last is the assistant's."""
RewardChoice = list[JsonObject] | JsonObject
"""A list of reward specifications, or ``{"preset": NAME}``."""

MATH: list[JsonObject] = [{"type": "math"}]
CODE: list[JsonObject] = [{"type": "code"}]


class RowUnusable(ValueError):
    """A row that cannot be a problem; the message says why, and names the field."""


@dataclass(frozen=True, slots=True)
class MalformedRow:
    """A row that was not understood."""

    line: int
    """The line of a JSONL file, else the row's position; both count from 1."""
    reason: str


@dataclass(frozen=True, slots=True)
class DatasetItem:
    """One problem of a data set, ready to be prompted with and to be scored by."""

    prompt: Prompt | None
    reference: JsonObject | str | None
    """The ground truth, as the rewards read it; a string is the key of a shared one."""
    rewards: RewardChoice | None
    """What the data set is scored by when nobody says otherwise."""
    id: str | None = None
    metadata: JsonObject = field(default_factory=dict)
    """Fields worth selecting or reporting by: source, subject, difficulty."""
    solution: str | None = None
    """The data set's own solution as a completion, where the row carries one."""
    assistant_prefix: str | None = None
    """What the prompt had already opened of the assistant's turn."""
    extra: JsonObject = field(default_factory=dict)
    """Further fields of a scored item: ``group``, ``finish_reason``, ``completion_tokens``."""
    completions: tuple[Completion, ...] = ()
    """What a model wrote, from the field that the caller named."""
    format: str = ""
    """The name of the data format it was read from."""
    line: int = 0
    """The line of a JSONL file, else the row's position; both count from 1."""

    def to_json(self, completion: Completion) -> JsonObject:
        """An item of ``POST /score``: this problem with one completion."""
        fields: dict[str, Any] = {
            "completion": completion,
            "id": self.id,
            "prompt": self.prompt,
            "reference": self.reference,
            "rewards": self.rewards,
            "assistant_prefix": self.assistant_prefix,
            "metadata": self.metadata or None,
            **self.extra,
        }
        return {name: value for name, value in fields.items() if value is not None}
