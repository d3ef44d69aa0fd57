"""Rows with ``verification_info``: verifiable-coding-problems, verifiable-math-problems, SYNTHETIC-1 and -2.

SYNTHETIC-1 writes the object as a string, sometimes as JSON and sometimes as Python's ``repr``.
"""

from __future__ import annotations

from typing import Any

from verifier.datasets import testsets
from verifier.datasets.decode import parse_json_or_literal
from verifier.datasets.fields import Row, has, identifier, mapping, messages, optional_text, selected
from verifier.datasets.formats import Format
from verifier.datasets.item import MATH, DatasetItem, RewardChoice, RowUnusable
from verifier.datasets.mathematics import answers
from verifier.schema import JsonObject


def _verifiable(row: Row) -> DatasetItem:
    info = mapping(row, "verification_info")
    gold = optional_text(row, "gold_standard_solution")
    context = f"{row.get('prompt')}\n{gold or ''}"
    reference, rewards = _reference(info, context, str(row.get("task_type") or "verifiable_math"))
    return DatasetItem(
        prompt=messages(row, "prompt"),
        reference=reference,
        rewards=rewards,
        id=identifier(row, "problem_id", "id"),
        metadata=selected(row, ("task_type", "source", "in_source_id", "difficulty")),
        solution=gold,
    )


def _reference(info: JsonObject, context: str, task: str) -> tuple[JsonObject, RewardChoice]:
    if info.get("test_cases"):
        language = info.get("language") or "python"
        rewards = testsets.code_reward()
        if language != "python":
            rewards[0]["language"] = language
        return {"tests": typed_cases(info["test_cases"], context)}, rewards
    if "math" not in task:
        raise RowUnusable(f"no reward here judges rows of the 'task_type' {task}")
    if info.get("ground_truth") is not None:
        return answers(info["ground_truth"], "verification_info.ground_truth"), MATH
    if info.get("answer") is not None:
        return answers(info["answer"], "verification_info.answer"), MATH
    raise RowUnusable("'verification_info' has neither 'test_cases' nor 'ground_truth'")


def typed_cases(cases: Any, context: str) -> JsonObject:
    """Tests from a list of ``{type, fn_name?, input, output}``, all of one type."""
    cases = parse_json_or_literal(cases)
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise RowUnusable("'test_cases' must be a list of objects")
    functions = {case.get("fn_name") for case in cases if case.get("fn_name")}
    inputs, outputs = [case.get("input") for case in cases], [case.get("output") for case in cases]
    if not functions:
        return testsets.stdio(inputs, outputs)
    if len(functions) > 1 or not all(case.get("fn_name") for case in cases):
        raise RowUnusable("'test_cases' must all call one function")
    arguments = [parse_json_or_literal(one) for one in inputs]
    named = {"inputs": arguments, "outputs": outputs, "fn_name": functions.pop()}
    return testsets.inputs_outputs(named, context)


FORMATS = (
    Format(
        "verification_info", lambda row: has(row, "verification_info"), _verifiable, "gold_standard_solution"
    ),
)
