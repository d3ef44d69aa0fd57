"""Rows that ask for a function and test it: HumanEval(+), MBPP(+), KodCode, LeetCode."""

from __future__ import annotations

import ast

from verifier.datasets import testsets
from verifier.datasets.competition import with_starter
from verifier.datasets.fields import (
    Row,
    fenced,
    has,
    identifier,
    optional_text,
    selected,
    sequence,
    text,
)
from verifier.datasets.formats import Format
from verifier.datasets.item import CODE, DatasetItem, RowUnusable
from verifier.schema import JsonObject


def _human_eval(row: Row) -> DatasetItem:
    prompt = text(row, "prompt")
    body = optional_text(row, "canonical_solution")
    return DatasetItem(
        prompt=prompt,
        reference={"tests": checked(text(row, "test"), text(row, "entry_point"))},
        rewards=CODE,
        id=identifier(row, "task_id"),
        solution=fenced(prompt + body) if body else None,
    )


def checked(test: str, entry_point: str, preamble: str = "") -> JsonObject:
    """Tests that define ``check(candidate)``; the entry point is a function or ``Solution().method``."""
    setup = f"{preamble}\n\n{test}" if preamble else test
    if entry_point.isidentifier():
        return testsets.asserts(["check(candidate)"], setup, entry_point)
    return testsets.asserts([f"check({entry_point})"], setup)


def _mbpp(row: Row) -> DatasetItem:
    question = text(row, "text" if "text" in row else "prompt")
    statements = [str(statement) for statement in sequence(row, "test_list")]
    imports = row.get("test_imports") or []
    setup = "\n".join([*map(str, imports), optional_text(row, "test_setup_code") or ""]).strip()
    code = optional_text(row, "code")
    return DatasetItem(
        prompt="\n".join([question, "", "Your code must pass these tests:", "", *statements]),
        reference={"tests": testsets.asserts(statements, setup)},
        rewards=CODE,
        id=identifier(row, "task_id"),
        solution=fenced(code) if code else None,
    )


def _kod_code(row: Row) -> DatasetItem:
    question = text(row, "question")
    declarations = [
        str(info["function_declaration"])
        for info in row.get("test_info") or ()
        if isinstance(info, dict) and info.get("function_declaration")
    ]
    solution = optional_text(row, "solution")
    if declarations:
        question = f"{question}\n\nDefine: " + "; ".join(f"`{one}`" for one in declarations)
    return DatasetItem(
        prompt=question,
        reference={"tests": _module_tests(text(row, "test" if "test" in row else "test_code"))},
        rewards=CODE,
        id=identifier(row, "question_id", "id"),
        metadata=selected(row, ("style", "subset", "gpt_difficulty")),
        solution=fenced(solution) if solution else None,
    )


def _module_tests(source: str) -> JsonObject:
    """A file of ``test_…`` functions that import from ``solution``.

    Plain functions become assertions, which run apart from the candidate; whatever needs pytest itself stays
    a pytest file.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise RowUnusable("the tests are not Python") from None
    functions = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test")
    ]
    needs_pytest = (
        not functions
        or "pytest" in source
        or any(node.args.args or node.decorator_list for node in functions)
        or any(isinstance(node, ast.ClassDef | ast.AsyncFunctionDef) for node in tree.body)
    )
    if needs_pytest:
        return {"type": "pytest", "files": {"test_solution.py": source}, "module": "solution"}
    kept = [node for node in tree.body if not _imports_solution(node)]
    setup = "\n\n".join(ast.get_source_segment(source, node) or "" for node in kept)
    return testsets.asserts([f"{node.name}()" for node in functions], setup)


def _imports_solution(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "solution"


def _leet_code(row: Row) -> DatasetItem:
    meta = row.get("meta")
    query = optional_text(row, "query") or (optional_text(meta, "query") if isinstance(meta, dict) else None)
    preamble = optional_text(row, "prompt") or ""
    completion = optional_text(row, "completion")
    return DatasetItem(
        prompt=query or with_starter(text(row, "problem_description"), optional_text(row, "starter_code")),
        reference={"tests": checked(text(row, "test"), text(row, "entry_point"), preamble)},
        rewards=CODE,
        id=identifier(row, "task_id", "question_id"),
        metadata=selected(row, ("difficulty", "tags", "estimated_date")),
        solution=fenced(f"{preamble}\n\n{completion}") if completion else None,
    )


FORMATS = (
    Format(
        "leet_code",
        lambda row: has(row, "test", "entry_point") and ("meta" in row or "query" in row),
        _leet_code,
        solution_field="completion",
    ),
    Format(
        "human_eval", lambda row: has(row, "prompt", "test", "entry_point"), _human_eval, "canonical_solution"
    ),
    Format("mbpp", lambda row: has(row, "test_list") and ("text" in row or "prompt" in row), _mbpp, "code"),
    Format(
        "kod_code",
        lambda row: has(row, "question", "solution") and ("test" in row or "test_code" in row),
        _kod_code,
        solution_field="solution",
    ),
)
