"""Rows in verl's shape: ``data_source, prompt, ability, reward_model{style, ground_truth}, extra_info``.

DAPO, Eurus-2, Skywork-OR1, Countdown, Knights & Knaves, Search-R1 and geo3k come so; they differ in what the
ground truth holds, and that decides the reward.
"""

from __future__ import annotations

import re
from typing import Any

from verifier.datasets import testsets
from verifier.datasets.decode import parse_json
from verifier.datasets.fields import Row, identifier, mapping, messages, selected, sequence
from verifier.datasets.formats import Format
from verifier.datasets.functions import checked
from verifier.datasets.item import CODE, MATH, DatasetItem, Prompt, RewardChoice, RowUnusable
from verifier.datasets.mathematics import answers
from verifier.datasets.prime_intellect import typed_cases
from verifier.schema import JsonObject

_TURN = re.compile(r"<\|im_start\|>(system|user|assistant)\n(.*?)(?:<\|im_end\|>|\Z)", re.DOTALL)


def _is_verl(row: Row) -> bool:
    reward_model = row.get("reward_model")
    return isinstance(reward_model, dict) and "ground_truth" in reward_model


def _verl(row: Row) -> DatasetItem:
    reward_model = mapping(row, "reward_model")
    extra = row.get("extra_info") if isinstance(row.get("extra_info"), dict) else {}
    prompt, prefix = _prompt(row)
    reference, rewards = _reference(reward_model["ground_truth"], str(row.get("prompt")))
    metadata = selected(row, ("data_source", "ability"))
    metadata |= selected(extra or {}, ("split", "model_difficulty", "difficulty"))
    if row.get("images"):
        metadata["images"] = len(row["images"])
    return DatasetItem(
        prompt=prompt,
        reference=reference,
        rewards=rewards,
        id=identifier(row, "id") or identifier(extra or {}, "index"),
        metadata=metadata,
        solution=_knights_knaves_solution(row),
        assistant_prefix=prefix,
    )


def _prompt(row: Row) -> tuple[Prompt, str | None]:
    """The prompt's messages, and what it had opened of the answer.

    Logic-RL stored the text of a rendered chat template as the user's message: that is taken apart again.
    """
    prompt = messages(row, "prompt")
    if isinstance(prompt, str) or len(prompt) != 1 or "<|im_start|>" not in str(prompt[0]["content"]):
        return prompt, None
    turns = [
        {"role": role, "content": content.strip()} for role, content in _TURN.findall(prompt[0]["content"])
    ]
    if turns and turns[-1]["role"] == "assistant":
        return turns[:-1], turns[-1]["content"] or None
    return turns, None


def _reference(truth: Any, context: str) -> tuple[JsonObject, RewardChoice]:
    """The reference and the rewards that a ground truth asks for."""
    if isinstance(truth, str):
        truth = _unwrapped(truth)
    if isinstance(truth, dict):
        return _structured(truth, context)
    if isinstance(truth, list) and truth and isinstance(truth[0], dict):
        return {"tests": typed_cases(truth, context)}, CODE
    return answers(truth, "reward_model.ground_truth"), MATH


def _unwrapped(truth: str) -> Any:
    """Of a string: the object or list of golds it holds as JSON; else itself (``[1, 2]`` is an answer)."""
    if truth.lstrip()[:1] not in ("{", "["):
        return truth
    try:
        value = parse_json(truth)
    except RowUnusable:
        return truth
    holds_golds = isinstance(value, list) and value and all(isinstance(one, str | dict) for one in value)
    return value if holds_golds or isinstance(value, dict) else truth


def _structured(truth: JsonObject, context: str) -> tuple[JsonObject, RewardChoice]:
    fields = truth.keys()
    if fields >= {"inputs", "outputs"}:
        return {"tests": testsets.inputs_outputs(truth, context)}, CODE
    if fields >= {"test_code", "entry_point"}:
        preamble = str(truth.get("import_prefix") or "")
        return {"tests": checked(str(truth["test_code"]), str(truth["entry_point"]), preamble)}, CODE
    if "assert_case" in fields:
        return {"tests": testsets.asserts([str(one) for one in sequence(truth, "assert_case")])}, CODE
    if fields >= {"target", "numbers"}:
        return {"target": truth["target"], "numbers": truth["numbers"]}, [{"type": "countdown"}]
    if fields >= {"solution_text_format", "statements"}:
        return dict(truth), [{"type": "knights_knaves"}]
    if "target" in fields:
        return answers(truth["target"], "reward_model.ground_truth.target"), [
            {"type": "f1", "metric": "exact"}
        ]
    raise RowUnusable(f"no reward reads a ground truth of {', '.join(sorted(fields))}")


def _knights_knaves_solution(row: Row) -> str | None:
    """The worked solution of a Knights & Knaves row, told as a completion of its prompt."""
    final = row.get("solution_text_format")
    if not isinstance(final, str):
        return None
    steps = [row.get("cot_head"), *(row.get("cot_repeat_steps") or ()), row.get("cot_foot")]
    reasoning = "\n".join(step for step in steps if isinstance(step, str))
    return f"{reasoning}</think>\n<answer>\n{final}\n</answer>"


FORMATS = (Format("verl", _is_verl, _verl, "solution_text_format"),)
