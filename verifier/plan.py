"""A request made ready: every item with its rewards bound, its reference found, its sample read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson
from pydantic import ValidationError

from verifier.errors import ErrorCode, FieldError, ItemInvalid, RequestInvalid
from verifier.presets import expand
from verifier.rewards.base import Sample
from verifier.rewards.registry import BoundReward, field_errors, parse_rewards, reward_types
from verifier.sample import read_sample
from verifier.schema import MAX_ITEMS, Item, JsonObject, PresetChoice, Rewards, ScoreRequest

_TOO_DEEP = RequestInvalid(ErrorCode.INVALID_JSON, "the body is nested too deeply")


@dataclass(frozen=True, slots=True)
class PlannedItem:
    """One item, ready to be scored."""

    id: str | None
    components: Sequence[BoundReward]
    sample: Sample | None
    """None where the item cannot be used at all; ``problem`` says why."""
    problem: ItemInvalid | None
    sample_id: int
    """Items whose samples are the same in all that rewards see share it."""
    group: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole request, ready to be scored."""

    items: Sequence[PlannedItem]
    graders: Mapping[str, int]
    deadline_s: float | None
    run: str | None


def parse_request(body: bytes | JsonObject) -> ScoreRequest:
    """The request in a body.

    Raises:
        RequestInvalid: it is not JSON, too deep, has too many items, or is not of the shape.
    """
    if isinstance(body, bytes):
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise RequestInvalid(ErrorCode.INVALID_JSON, _json_problem(error)) from None
    else:
        document = body
    items = document.get("items") if isinstance(document, dict) else None
    if isinstance(items, list) and len(items) > MAX_ITEMS:
        message = f"a request holds at most {MAX_ITEMS} items; send several"
        raise RequestInvalid(ErrorCode.TOO_LARGE, message)
    try:
        return ScoreRequest.model_validate(document)
    except ValidationError as error:
        message = "the request is not as it must be; 'fields' says where"
        fields = list(_first(field_errors(error), 100))
        raise RequestInvalid(ErrorCode.VALIDATION_FAILED, message, fields) from None
    except RecursionError:
        raise _TOO_DEEP from None


def make_plan(request: ScoreRequest) -> Plan:
    """Bind rewards and references.

    Raises:
        RequestInvalid: a reward is not as it must be, or a grader pin does not hold.
    """
    batch = _bind(request.rewards, "rewards") if request.rewards is not None else None
    bound = [
        _bind(item.rewards, f"items.{index}.rewards") if item.rewards is not None else batch
        for index, item in enumerate(request.items)
    ]
    missing = [
        FieldError(f"items.{i}.rewards", "required") for i, rewards in enumerate(bound) if rewards is None
    ]
    if missing:
        message = "there is neither a 'rewards' of the request nor one of the item"
        raise RequestInvalid(ErrorCode.VALIDATION_FAILED, message, missing[:100])
    graders = {
        component.reward.type_name: component.reward.version
        for rewards in {id(rewards): rewards for rewards in bound if rewards}.values()
        for top in rewards
        for component in top.walk()
    }
    _check_pins(request.graders)
    reader = _ItemReader(request.references)
    items = [reader.read(item, rewards or ()) for item, rewards in zip(request.items, bound, strict=True)]
    return Plan(items, graders, request.deadline_s, request.run)


def _bind(rewards: Rewards, path: str) -> list[BoundReward]:
    try:
        specs = expand(rewards.preset, rewards.params, path) if isinstance(rewards, PresetChoice) else rewards
        return parse_rewards(specs, path)
    except (orjson.JSONEncodeError, RecursionError):
        raise _TOO_DEEP from None


def _check_pins(pins: Mapping[str, int]) -> None:
    types = reward_types()
    fields: list[FieldError] = []
    for name, version in pins.items():
        if name not in types:
            fields.append(FieldError("graders", "names a reward type that this server does not have"))
        elif types[name].version != version:
            here = types[name].version
            fields.append(FieldError(f"graders.{name}", f"this server's version is {here}"))
    if fields:
        message = "this server grades by another version than the request pins"
        raise RequestInvalid(ErrorCode.GRADER_MISMATCH, message, fields[:100])


class _ItemReader:
    """Reads items, finding each reference once and giving equal samples one id."""

    def __init__(self, references: Mapping[str, JsonObject]) -> None:
        self._references = references
        self._keys: dict[int, bytes] = {}
        self._ids: dict[tuple[object, ...], int] = {}

    def read(self, item: Item, components: Sequence[BoundReward]) -> PlannedItem:
        try:
            reference = self._reference(item)
            sample = read_sample(item, reference)
        except ItemInvalid as problem:
            return PlannedItem(item.id, components, None, problem, -1, item.group)
        identity = (
            sample.completion,
            sample.prompt,
            None if reference is None else self._key(reference),
            sample.finish_reason,
            sample.completion_tokens,
            _canonical([sample.tool_calls, sample.metadata]) if sample.tool_calls or sample.metadata else b"",
        )
        sample_id = self._ids.setdefault(identity, len(self._ids))
        return PlannedItem(item.id, components, sample, None, sample_id, item.group)

    def _reference(self, item: Item) -> JsonObject | None:
        if not isinstance(item.reference, str):
            return item.reference
        try:
            return self._references[item.reference]
        except KeyError:
            message = "'reference' is a key that the request's 'references' does not have"
            raise ItemInvalid(ErrorCode.UNKNOWN_REFERENCE, message) from None

    def _key(self, reference: JsonObject) -> bytes:
        """Canonical JSON, worked out once for a reference that a whole group shares."""
        key = self._keys.get(id(reference))
        if key is None:
            key = self._keys[id(reference)] = _canonical(reference)
        return key


def _canonical(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise _TOO_DEEP from None


def _json_problem(error: orjson.JSONDecodeError) -> str:
    if "recursion" in error.msg:
        return "the body is nested too deeply"
    return f"the body is not JSON (RFC 8259, UTF-8, no NaN or Infinity), at character {error.pos}"


def _first(fields: Iterator[FieldError], count: int) -> Iterator[FieldError]:
    for _, field in zip(range(count), fields, strict=False):
        yield field
