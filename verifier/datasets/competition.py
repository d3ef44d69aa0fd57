"""Rows of programming contests: APPS, TACO, CodeContests, LiveCodeBench, Codeforces."""

from __future__ import annotations

from typing import Any

from verifier.datasets import testsets
from verifier.datasets.decode import decode_compressed_tests, parse_json
from verifier.datasets.fields import (
    Row,
    decoded,
    fenced,
    has,
    identifier,
    mapping,
    optional_text,
    selected,
    sequence,
    text,
)
from verifier.datasets.formats import Format
from verifier.datasets.item import CODE, DatasetItem, RowUnusable
from verifier.schema import JsonObject

_PYTHON3 = 3
"""CodeContests' number of the language."""


def with_starter(question: str, starter_code: str | None) -> str:
    """The question, and the code that the answer must begin from."""
    return f"{question}\n\n{fenced(starter_code)}" if starter_code else question


def _apps(row: Row) -> DatasetItem:
    starter = optional_text(row, "starter_code")
    solutions = decoded(row, "solutions") if row.get("solutions") else []
    solution = solutions[0] if isinstance(solutions, list) and solutions else None
    context = f"{starter or ''}\n{solution or ''}"
    return DatasetItem(
        prompt=with_starter(text(row, "question"), starter),
        reference={"tests": testsets.inputs_outputs(mapping(row, "input_output"), context)},
        rewards=CODE,
        id=identifier(row, "problem_id", "id", "name"),
        metadata=selected(row, ("difficulty", "source", "url")),
        solution=fenced(solution) if isinstance(solution, str) else None,
    )


def _code_contests(row: Row) -> DatasetItem:
    groups = [
        mapping(row, name) for name in ("public_tests", "private_tests", "generated_tests") if row.get(name)
    ]
    inputs = [one for group in groups for one in group.get("input") or ()]
    outputs = [one for group in groups for one in group.get("output") or ()]
    limit = row.get("time_limit") or {}
    memory = row.get("memory_limit_bytes") or 0
    return DatasetItem(
        prompt=text(row, "description"),
        reference={"tests": testsets.stdio(inputs, outputs)},
        rewards=testsets.code_reward(
            (limit.get("seconds") or 0) + (limit.get("nanos") or 0) / 1e9
            if isinstance(limit, dict)
            else None,
            memory / 2**20,
        ),
        id=identifier(row, "name"),
        metadata=selected(row, ("difficulty", "source", "cf_rating", "cf_tags")),
        solution=_python_solution(row.get("solutions")),
    )


def _python_solution(solutions: Any) -> str | None:
    if not isinstance(solutions, dict):
        return None
    pairs = zip(solutions.get("language") or (), solutions.get("solution") or (), strict=False)
    return next((fenced(code) for language, code in pairs if language == _PYTHON3), None)


def _live_code_bench(row: Row) -> DatasetItem:
    cases = sequence(row, "public_test_cases") + _private_cases(row)
    starter = optional_text(row, "starter_code")
    metadata = mapping(row, "metadata") if row.get("metadata") else {}
    return DatasetItem(
        prompt=with_starter(text(row, "question_content"), starter),
        reference={"tests": _live_code_bench_tests(cases, metadata.get("func_name"), starter or "")},
        rewards=CODE,
        id=identifier(row, "question_id"),
        metadata=selected(row, ("difficulty", "platform", "contest_date", "question_title")),
    )


def _private_cases(row: Row) -> list[Any]:
    written = row.get("private_test_cases")
    if not isinstance(written, str):
        return written if isinstance(written, list) else []
    try:
        cases = parse_json(written) if written.lstrip()[:1] in ("[", "") else decode_compressed_tests(written)
    except RowUnusable as error:
        raise RowUnusable(f"'private_test_cases': {error}") from None
    if not isinstance(cases, list):
        raise RowUnusable("'private_test_cases' must hold a list")
    return cases


def _live_code_bench_tests(cases: list[Any], function: Any, starter: str) -> JsonObject:
    if not all(isinstance(case, dict) and isinstance(case.get("input"), str) for case in cases):
        raise RowUnusable("test cases must be objects with 'input' and 'output'")
    if not any(case.get("testtype") == "functional" for case in cases):
        return testsets.stdio([case["input"] for case in cases], [case.get("output") for case in cases])
    if not isinstance(function, str):
        raise RowUnusable("functional tests, but 'metadata' names no 'func_name'")
    arguments = [[parse_json(line) for line in case["input"].splitlines() if line.strip()] for case in cases]
    expected = [parse_json(str(case.get("output"))) for case in cases]
    return testsets.calls(testsets.qualified(function, starter), arguments, expected)


def _codeforces(row: Row) -> DatasetItem:
    if row.get("input_mode") not in (None, "stdio"):
        raise RowUnusable("'input_mode' is not stdio: the program reads and writes files")
    if optional_text(row, "interaction_format"):
        raise RowUnusable("an interactive problem: its tests cannot be given as inputs and outputs")
    cases = sequence(row, "official_tests")
    prompt = optional_text(row, "prompt") or _codeforces_statement(row)
    return DatasetItem(
        prompt=prompt,
        reference={
            "tests": testsets.stdio(
                [case["input"] for case in cases],
                [case["output"] for case in cases],
                optional_text(row, "generated_checker"),
            )
        },
        rewards=testsets.code_reward(row.get("time_limit"), row.get("memory_limit")),
        id=identifier(row, "id"),
        metadata=selected(row, ("rating", "tags", "contest_id", "official_tests_complete")),
    )


def _codeforces_statement(row: Row) -> str:
    parts = [text(row, "description")]
    for title, name in (("Input", "input_format"), ("Output", "output_format"), ("Note", "note")):
        part = optional_text(row, name)
        if part:
            parts.append(f"{title}\n\n{part}")
    for example in row.get("examples") or ():
        parts.append(f"Example input\n\n{example['input']}\n\nExample output\n\n{example['output']}")
    return "\n\n".join(parts)


FORMATS = (
    Format(
        "live_code_bench", lambda row: has(row, "question_content", "public_test_cases"), _live_code_bench
    ),
    Format("codeforces", lambda row: has(row, "official_tests"), _codeforces),
    Format("code_contests", lambda row: has(row, "description", "public_tests"), _code_contests, "solutions"),
    Format("apps", lambda row: has(row, "question", "input_output"), _apps, "solutions"),
)
