"""``json``: is the answer JSON, and does it fit the schema? 1 or 0.

The schema is ``reference.schema``, or the parameter ``schema`` for all items; without one any JSON will do.
``reference.value`` may ask for one value besides. Patterns run in a linear-time engine (no lookaround), and
no ``$ref`` leaves the document.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal

import jsonschema_rs
import orjson
from pydantic import Field

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.base import (
    ItemReward,
    ReferenceModel,
    RewardParameters,
    Sample,
    Score,
    read_reference,
)
from verifier.rewards.extraction import after_reasoning, tagged
from verifier.rewards.json_text import JsonText, read_json, same_json
from verifier.schema import JsonObject, Verdict

_FENCE = re.compile(r"^```[ \t]*(?:json)?[ \t]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE | re.IGNORECASE)
_PATTERNS = jsonschema_rs.RegexOptions(size_limit=1 << 20, dfa_size_limit=8 << 20)
_MAX_PROBLEMS = 5


class JsonReference(ReferenceModel):
    """Both optional."""

    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    value: Any = None


class JsonParameters(RewardParameters):
    """Where the JSON stands, and what it must be."""

    type: Literal["json"]
    extract: Literal["auto", "whole", "fence", "answer_tag"] = "auto"
    """``auto``: the last fenced block, else the answer tag, else the whole text after the reasoning."""
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")


class JsonReward(ItemReward[JsonParameters]):
    """1 when the answer is JSON that fits schema and value, else 0; ``detail.problems`` says where not."""

    type_name = "json"
    Parameters = JsonParameters

    def score(self, sample: Sample, parameters: JsonParameters) -> Score:
        """Read the JSON, validate it, compare it."""
        reference = JsonReference() if sample.reference is None else read_reference(sample, JsonReference)
        schema = reference.json_schema if reference.json_schema is not None else parameters.json_schema
        validator = None if schema is None else _validator(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS))
        found = _found(sample.completion, parameters.extract)
        if found is None:
            return Score(0.0, Verdict.NO_ANSWER, {"problems": ["not JSON"]})
        problems: list[str] = []
        if validator is not None and not validator.is_valid(found.value):
            problems = _problems(validator, found.value)
        if reference.value is not None and not same_json(found.value, reference.value):
            problems.append("not the value asked for")
        detail: JsonObject = {"problems": problems}
        return Score(0.0 if problems else 1.0, Verdict.INCORRECT if problems else Verdict.CORRECT, detail)


def _found(completion: str, extract: str) -> JsonText | None:
    text = after_reasoning(completion)
    places: list[str] = []
    if extract in ("auto", "fence"):
        places += _FENCE.findall(text)[-1:]
    if extract in ("auto", "answer_tag") and not places:
        places += tagged(text, "answer")[-1:]
    if extract == "whole" or (extract == "auto" and not places):
        places.append(text)
    return read_json(places[0]) if places else None


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Any:
    """A schema made ready.

    Raises:
        ItemInvalid: it is no schema, or refers to what is outside it.
    """
    try:
        return jsonschema_rs.validator_for(orjson.loads(schema), pattern_options=_PATTERNS, offline=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError):
        raise ItemInvalid(
            ErrorCode.UNUSABLE_PARAMETER,
            "'schema' is no JSON Schema, has a pattern with lookaround, or refers to another document",
        ) from None


def _problems(validator: Any, value: Any) -> list[str]:
    """Where the value does not fit: paths and keywords, not the values themselves."""
    problems: list[str] = []
    for error in validator.iter_errors(value):
        where = ".".join(str(part) for part in error.instance_path) or "the whole"
        keyword = next((str(part) for part in reversed(error.schema_path) if isinstance(part, str)), "schema")
        problems.append(f"{where[:100]}: {keyword}")
        if len(problems) == _MAX_PROBLEMS:
            break
    return problems
