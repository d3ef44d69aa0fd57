"""The wire envelope: requests (validated) and responses (built). Each reward type holds its own parameters.

Requests are pydantic models, since they come from outside. Responses are plain dataclasses, since we make
them, and a batch has thousands: orjson writes them as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

MAX_ITEMS = 4096
MAX_BODY_BYTES = 64 << 20

JsonObject = dict[str, Any]


class Strict(BaseModel):
    """A request model: unknown fields are refused, numbers are not guessed from strings."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Message(BaseModel):
    """One chat message, as OpenAI-compatible servers return them; fields that no reward reads are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    role: str
    content: str | list[JsonObject] | None = None
    reasoning_content: str | None = None
    """Reasoning that a server's parser split off; put back as ``<think>…</think>`` before the content."""
    tool_calls: list[JsonObject] | None = None


Chat = str | list[Message]


class PresetChoice(Strict):
    """A published recipe instead of a list of rewards."""

    preset: str
    params: JsonObject = Field(default_factory=dict)


REWARD_SCHEMA_TITLE = "RewardSpecification"

RewardSpec = Annotated[JsonObject, WithJsonSchema({"title": REWARD_SCHEMA_TITLE, "type": "object"})]
"""``{"type": …, "weight": 1.0, "name": type, …parameters of the type}``; checked by the type itself."""

Rewards = Annotated[list[RewardSpec], Field(min_length=1, max_length=64)] | PresetChoice


class Item(Strict):
    """One completion to score."""

    completion: Chat
    id: str | None = None
    prompt: Chat | None = None
    reference: str | JsonObject | None = None
    """The ground truth, or the key of one in the request's ``references``."""
    rewards: Rewards | None = None
    """Replaces the batch's rewards for this item."""
    assistant_prefix: str | None = None
    """What the chat template had already opened (``"<think>\\n"``); put before the completion."""
    finish_reason: str | None = None
    completion_tokens: Annotated[int, Field(ge=0)] | None = None
    metadata: JsonObject = Field(default_factory=dict)
    group: str | None = None
    """Items of one request with the same group are scored together by group-relative rewards."""


class ScoreRequest(Strict):
    """The body of ``POST /score``, and the argument of the queue's job."""

    items: Annotated[list[Item], Field(max_length=MAX_ITEMS)]
    rewards: Rewards | None = None
    references: dict[str, JsonObject] = Field(default_factory=dict)
    deadline_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    graders: dict[str, int] = Field(default_factory=dict)
    """Pins of behaviour versions by reward type."""
    run: Annotated[str, Field(max_length=200)] | None = None


class Status(StrEnum):
    """Whether a score stands, and if not, whose doing that is."""

    OK = "ok"
    INVALID = "invalid"
    ERROR = "error"


class Verdict(StrEnum):
    """What was found of a completion."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    PARTIAL = "partial"
    NO_ANSWER = "no_answer"
    AMBIGUOUS = "ambiguous"
    TIMEOUT = "timeout"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    RUNTIME_ERROR = "runtime_error"
    COMPILE_ERROR = "compile_error"
    SCORED = "scored"


@dataclass(frozen=True, slots=True)
class ItemError:
    """Why there is no score."""

    code: str
    message: str
    retryable: bool


@dataclass(slots=True)
class ComponentResult:
    """What one reward said of one item."""

    name: str
    type: str
    status: Status
    weight: float
    score: float | None = None
    verdict: Verdict | None = None
    detail: JsonObject = field(default_factory=dict)
    error: ItemError | None = None
    elapsed_ms: float = 0.0


@dataclass(slots=True)
class ItemResult:
    """The scores of one item; ``reward`` is the weighted sum, or null."""

    id: str | None
    index: int
    status: Status
    reward: float | None
    components: list[ComponentResult]
    error: ItemError | None = None


@dataclass(slots=True)
class ScoreResponse:
    """The answer to a batch, results in the order of its items."""

    results: list[ItemResult]
    graders: dict[str, int]
    request_id: str
    elapsed_ms: float
    version: str


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The body of every refusal."""

    error: ErrorDetail


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """What was refused, and why."""

    code: str
    message: str
    fields: list[dict[Literal["path", "message"], str]] | None = None
