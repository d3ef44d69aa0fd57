"""What a reward is: a type's name, version, parameters, and how it scores one sample.

    Reward
    ├── ItemReward      pure: one sample and its parameters -> Score
    ├── RemoteReward    awaits another service: the sandbox, a judge
    ├── Combinator      pure: the scores of the rewards it holds -> Score
    └── GroupReward     pure: all members of a group at once -> their Scores

A reward raises ``ItemInvalid`` for a reference or parameter that cannot be used, ``ItemFaulted`` where it
could not judge, and returns a ``Score`` for everything that the completion itself brought about.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.services import Services
from verifier.schema import JsonObject, RewardSpec, Verdict


class RewardParameters(BaseModel):
    """Parameters that every reward has; each type adds its own."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    type: str
    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """Unique within the list; the type when not given."""
    weight: float = 1.0


class ReferenceModel(BaseModel):
    """The part of a reference that a type reads; fields of other types beside it are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


@dataclass(frozen=True, slots=True)
class Sample:
    """What a reward sees of one item."""

    completion: str
    """The assistant's whole text: prefix, reasoning and content."""
    prompt: str = ""
    reference: JsonObject | None = None
    finish_reason: str | None = None
    completion_tokens: int | None = None
    tool_calls: list[JsonObject] = field(default_factory=list)
    metadata: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Score:
    """A judgement of one sample."""

    value: float
    verdict: Verdict
    detail: JsonObject = field(default_factory=dict)


P = TypeVar("P", bound=RewardParameters)
R = TypeVar("R", bound=ReferenceModel)


class Reward(ABC, Generic[P]):
    """One type of reward; stateless, one instance a process."""

    type_name: ClassVar[str]
    """The ``type`` of a specification."""
    version: ClassVar[int] = 1
    """Raised whenever the same input may score otherwise than before."""
    Parameters: type[P]

    def form(self, parameters: P) -> Reward[P]:
        """The reward that scores by these parameters; a type of several kinds has one for each."""
        return self


class ItemReward(Reward[P]):
    """A pure function of one sample."""

    isolated: ClassVar[bool] = False
    """True where hostile text can cost unbounded time or memory: runs in killable worker processes."""

    def preload(self) -> None:
        """Import what scoring needs; called once in the process that workers are forked from."""

    @abstractmethod
    def score(self, sample: Sample, parameters: P) -> Score:
        """Judge one sample."""


class RemoteReward(Reward[P]):
    """A reward that another service works out; ``services`` holds what the engine was opened with."""

    sandboxed: ClassVar[bool] = True
    """False where it asks another service than the sandbox: commands open one only where it is needed."""

    @abstractmethod
    async def score(self, sample: Sample, parameters: P, services: Services) -> Score:
        """Judge one sample."""


Part = Callable[[], Score]
"""The score of a reward that another holds, worked out when first asked for.

Raises what that reward raised: ``ItemInvalid``, ``ItemFaulted``. A part that is not asked for is never run,
so a gate whose condition fails costs no jail.
"""


class Combinator(Reward[P]):
    """A reward made of others. Must be pure: the engine may call ``combine`` again as parts become known."""

    @abstractmethod
    def parts(self, parameters: P) -> Mapping[str, RewardSpec]:
        """The rewards it holds, by the path of each in the parameters (``if``, ``of.0``)."""

    @abstractmethod
    def combine(self, sample: Sample, parts: Mapping[str, Part], parameters: P) -> Score:
        """Judge one sample by the scores of the parts."""


@dataclass(frozen=True, slots=True)
class Member:
    """One completion of a group, with the parts that its reward holds."""

    sample: Sample
    parts: Mapping[str, Part]


class GroupReward(Reward[P]):
    """A reward that compares the completions of one prompt with each other. Must be pure, as a combinator."""

    def parts(self, parameters: P) -> Mapping[str, RewardSpec]:
        """The rewards it needs of each member (say, whether it is right), by path in the parameters."""
        return {}

    def admit(self, sample: Sample, parameters: P) -> None:
        """Say whether a sample can be a member; by default any can.

        Raises:
            ItemInvalid: it cannot, and is left out of its group.
        """
        return

    @abstractmethod
    def score_group(self, members: Sequence[Member], parameters: P) -> list[Score]:
        """Judge all members, in their order. An item without a group is a group of one."""


def read_reference(sample: Sample, model: type[R]) -> R:
    """The sample's reference as the type needs it.

    Raises:
        ItemInvalid: it is missing, or not of the shape.
    """
    if sample.reference is None:
        raise ItemInvalid(ErrorCode.MISSING_REFERENCE, "this reward needs a reference, and the item has none")
    try:
        return model.model_validate(sample.reference)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "reference"
        raise ItemInvalid(ErrorCode.UNUSABLE_REFERENCE, f"reference.{where}: {first['msg']}") from None
