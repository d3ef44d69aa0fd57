"""``tool_call``: are the tools called that should be, with the right arguments? 0 to 1.

``reference: {"tool_calls": [{"name": "f", "arguments": {"x": 1}}, …]}``. Calls are read from the item's own
``tool_calls`` (the OpenAI shape), else from ``<tool_call>`` blocks, each holding JSON objects, one a line.

- ``exact``: 1 when the calls are the same, in any order.
- ``toolrl`` (arXiv 2504.13958, §3.2): names, argument names and argument values, added and divided by the
  most there could be: (match of names + Σ over expected calls (match of argument names + equal values)) /
  (1 + Σ (1 + arguments)). A match of two multisets is |∩|/|∪|; expected calls take the best unused call of
  their name. Scaled to [−3, 3] that is ToolRL's reward.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from verifier.rewards.base import (
    ItemReward,
    ReferenceModel,
    RewardParameters,
    Sample,
    Score,
    read_reference,
)
from verifier.rewards.extraction import after_reasoning, tagged
from verifier.rewards.json_text import read_json, same_json
from verifier.schema import JsonObject, Verdict

MAX_CALLS = 64


class ToolCall(BaseModel):
    """A call: which tool, with what."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    name: str
    arguments: dict[str, Any] = Field(
        default_factory=dict, validation_alias=AliasChoices("arguments", "parameters")
    )


class ToolCallReference(ReferenceModel):
    """The calls expected; none when no tool should be called."""

    tool_calls: Annotated[list[ToolCall], Field(max_length=MAX_CALLS)]


class ToolCallParameters(RewardParameters):
    """How near counts."""

    type: Literal["tool_call"]
    form: Literal["exact", "toolrl"] = "exact"


class ToolCallReward(ItemReward[ToolCallParameters]):
    """1 when the calls are those expected, else 0 or by ``toolrl`` the share that is right."""

    type_name = "tool_call"
    Parameters = ToolCallParameters

    def score(self, sample: Sample, parameters: ToolCallParameters) -> Score:
        """Read the calls and match them."""
        expected = read_reference(sample, ToolCallReference).tool_calls
        calls = _calls(sample)
        if calls is None:
            return Score(0.0, Verdict.NO_ANSWER, {"reason": "malformed_call"})
        detail: JsonObject = {
            "called": [call.name for call in calls],
            "expected": [call.name for call in expected],
        }
        if not calls and expected:
            return Score(0.0, Verdict.NO_ANSWER, detail)
        if same_calls(calls, expected):
            return Score(1.0, Verdict.CORRECT, detail)
        share = call_match(calls, expected) if parameters.form == "toolrl" else 0.0
        return Score(share, Verdict.PARTIAL if share else Verdict.INCORRECT, detail)


def _calls(sample: Sample) -> list[ToolCall] | None:
    """The completion's calls; None where one is malformed, or there are too many."""
    if sample.tool_calls:
        raw: list[Any] | None = [_openai(call) for call in sample.tool_calls]
    else:
        raw = _in_text(sample.completion)
    if raw is None or len(raw) > MAX_CALLS:
        return None
    try:
        return [ToolCall.model_validate(call) for call in raw]
    except ValidationError:
        return None


def _openai(call: JsonObject) -> object:
    """``{"function": {"name", "arguments": "JSON"}}`` as a plain call."""
    function = call.get("function", call)
    if isinstance(function, dict) and isinstance(function.get("arguments"), str):
        arguments = read_json(function["arguments"])
        return {**function, "arguments": arguments.value if arguments else None}
    return function


def _in_text(completion: str) -> list[Any] | None:
    """The JSON objects of all ``<tool_call>`` blocks; None where something else stands there."""
    calls: list[Any] = []
    for block in tagged(after_reasoning(completion), "tool_call"):
        whole = read_json(block)
        if whole is not None:
            calls += whole.value if isinstance(whole.value, list) else [whole.value]
            continue
        lines = [read_json(line) for line in block.splitlines() if line.strip()]
        if not lines or None in lines or len(lines) > MAX_CALLS:
            return None
        calls += [line.value for line in lines if line is not None]
    return calls


def same_calls(calls: Sequence[ToolCall], expected: Sequence[ToolCall]) -> bool:
    """Whether each is the other's, in any order."""
    left = list(expected)
    for call in calls:
        match = next((index for index, wanted in enumerate(left) if _same_call(call, wanted)), None)
        if match is None:
            return False
        del left[match]
    return not left


def _same_call(call: ToolCall, wanted: ToolCall) -> bool:
    return call.name == wanted.name and same_json(call.arguments, wanted.arguments)


def call_match(calls: Sequence[ToolCall], expected: Sequence[ToolCall]) -> float:
    """ToolRL's share of what is right."""
    most = 1 + sum(1 + len(call.arguments) for call in expected)
    value = _multiset_match((call.name for call in expected), (call.name for call in calls))
    unused = list(calls)
    for wanted in expected:
        best, best_value = None, 0.0
        for index, call in enumerate(unused):
            match = _arguments_match(call, wanted) if call.name == wanted.name else 0.0
            if match > best_value:
                best, best_value = index, match
        if best is not None:
            del unused[best]
            value += best_value
    return value / most


def _arguments_match(call: ToolCall, wanted: ToolCall) -> float:
    names = _multiset_match(wanted.arguments, call.arguments)
    equal = sum(
        name in call.arguments and same_json(call.arguments[name], value)
        for name, value in wanted.arguments.items()
    )
    return names + float(equal)


def _multiset_match(left: Iterable[str], right: Iterable[str]) -> float:
    """|∩|/|∪| of two multisets; 1 for two empty ones."""
    first, second = Counter(list(left)), Counter(list(right))
    union = (first | second).total()
    return (first & second).total() / union if union else 1.0
