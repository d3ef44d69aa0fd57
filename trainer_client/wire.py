"""The JSON objects of ``POST /score``, as types. Plain dictionaries at run time."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, Required, TypedDict

Message = dict[str, Any]
"""One chat message: ``{"role": "assistant", "content": "…"}``."""
Reward = dict[str, Any]
"""One reward: ``type``, ``weight``, ``name`` and the parameters of its type."""
Reference = dict[str, Any]
"""A ground truth: ``{"answer": "5"}``, ``{"tests": {…}}``."""
Status = Literal["ok", "invalid", "error"]


class PresetChoice(TypedDict):
    """A named recipe instead of a list of rewards."""

    preset: str
    params: NotRequired[dict[str, Any]]


Rewards = list[Reward] | PresetChoice


class Item(TypedDict, total=False):
    """One completion to score."""

    completion: Required[str | list[Message]]
    id: str
    prompt: str | list[Message]
    reference: str | Reference
    """Inline, or a key of the request's `references`."""
    rewards: Rewards
    """Replaces the request's."""
    group: str
    """Items of one group are scored together and never split."""
    assistant_prefix: str
    finish_reason: str | None
    completion_tokens: int | None
    metadata: dict[str, Any]


class ScoreRequest(TypedDict, total=False):
    """A batch to score."""

    items: Required[list[Item]]
    rewards: Rewards
    references: dict[str, Reference]
    deadline_s: float
    graders: dict[str, int]
    run: str


class FieldError(TypedDict):
    """One field of a request that is not as it must be."""

    path: str
    message: str


class ErrorBody(TypedDict):
    """Why there is no score."""

    code: str
    message: str
    retryable: NotRequired[bool]
    fields: NotRequired[list[FieldError]]


class Component(TypedDict):
    """What one reward says of one item."""

    name: str
    type: str
    status: Status
    score: float | None
    weight: float
    verdict: NotRequired[str | None]
    detail: NotRequired[dict[str, Any]]
    error: NotRequired[ErrorBody | None]
    elapsed_ms: NotRequired[float]


class ItemResult(TypedDict):
    """The score of one item, or why there is none."""

    id: NotRequired[str | None]
    index: int
    status: Status
    reward: float | None
    components: list[Component]
    error: NotRequired[ErrorBody | None]


class ScoreResponse(TypedDict):
    """Results in the order of the request's items."""

    results: list[ItemResult]
    graders: dict[str, int]
    request_id: str
    elapsed_ms: float
    version: str
