"""Flat rows of mathematics: a problem and an answer, or a worked solution that ends in one."""

from __future__ import annotations

from verifier.datasets.fields import (
    Row,
    has,
    identifier,
    messages,
    optional_text,
    scalar_text,
    selected,
    text,
)
from verifier.datasets.formats import Format
from verifier.datasets.item import MATH, DatasetItem, RowUnusable
from verifier.schema import JsonObject

_METADATA = (
    "subject", "level", "type", "source", "domain", "difficulty", "topic", "llama8b_solve_rate",
)  # fmt: skip


def answers(value: object, name: str) -> JsonObject:
    """A reference of the ``math`` reward from one answer, or from a list of which any will do."""
    if isinstance(value, list):
        if not value:
            raise RowUnusable(f"'{name}' is empty")
        return {"answer": [scalar_text(one, name) for one in value]}
    return {"answer": scalar_text(value, name)}


def last_box(solution: str) -> str | None:
    r"""What stands in the last ``\boxed{…}`` (or ``\fbox{…}``), braces balanced; None where there is none."""
    start, opening = max((solution.rfind(macro), macro) for macro in ("\\boxed", "\\fbox"))
    if start < 0:
        return None
    rest = solution[start + len(opening) :].lstrip()
    if not rest.startswith("{"):
        return rest.split("$")[0].strip() or None
    depth = 0
    for position, character in enumerate(rest):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return rest[1:position].strip() or None
    return None


def _gsm8k(row: Row) -> DatasetItem:
    solution = text(row, "answer")
    _, mark, final = solution.rpartition("####")
    if not mark:
        raise RowUnusable("'answer' has no line '#### ANSWER'")
    return DatasetItem(
        prompt=text(row, "question"),
        reference=answers(final.strip().replace(",", ""), "answer"),
        rewards=MATH,
        id=identifier(row, "id"),
        solution=solution,
    )


def _problem_and_answer(row: Row) -> DatasetItem:
    return DatasetItem(
        prompt=text(row, "problem" if "problem" in row else "question"),
        reference=answers(row.get("answer"), "answer"),
        rewards=MATH,
        id=identifier(row, "unique_id", "id", "index"),
        metadata=selected(row, _METADATA),
        solution=optional_text(row, "solution"),
    )


def _worked_solution(row: Row) -> DatasetItem:
    solution = text(row, "solution")
    answer = last_box(solution)
    if answer is None:
        raise RowUnusable("'solution' has no \\boxed{…} with something in it")
    return DatasetItem(
        prompt=text(row, "problem"),
        reference=answers(answer, "solution"),
        rewards=MATH,
        id=identifier(row, "unique_id", "id"),
        metadata=selected(row, _METADATA),
        solution=solution,
    )


def _deepmath(row: Row) -> DatasetItem:
    return DatasetItem(
        prompt=text(row, "question"),
        reference=answers(row.get("final_answer"), "final_answer"),
        rewards=MATH,
        id=identifier(row, "id"),
        metadata=selected(row, _METADATA),
        solution=optional_text(row, "r1_solution_1"),
    )


def _orz(row: Row) -> DatasetItem:
    question, answer = row["0"], row["1"]
    truth = answer["ground_truth"]
    if not isinstance(question, dict) or not isinstance(truth, dict):
        raise RowUnusable("expected [{'value': …}, {'ground_truth': {'value': …}}]")
    return DatasetItem(
        prompt=text(question, "value"),
        reference=answers(truth.get("value"), "ground_truth.value"),
        rewards=MATH,
    )


def _is_gsm8k(row: Row) -> bool:
    """A question with a worked answer, of several lines; one line without the mark is an answer only."""
    answer = row.get("answer")
    return has(row, "question", "answer") and isinstance(answer, str) and ("####" in answer or "\n" in answer)


def _tulu_mathematics(row: Row) -> DatasetItem:
    return DatasetItem(
        prompt=messages(row, "messages"),
        reference=answers(row.get("ground_truth"), "ground_truth"),
        rewards=MATH,
        id=identifier(row, "id"),
        metadata=selected(row, ("dataset",)),
    )


FORMATS = (
    Format("gsm8k", _is_gsm8k, _gsm8k, solution_field="answer"),
    Format("deepmath", lambda row: has(row, "question", "final_answer"), _deepmath, "r1_solution_1"),
    Format(
        "math_answer",
        lambda row: "answer" in row and ("problem" in row or "question" in row),
        _problem_and_answer,
        solution_field="solution",
    ),
    Format("math_solution", lambda row: has(row, "problem", "solution"), _worked_solution, "solution"),
    Format(
        "orz",
        lambda row: has(row, "0", "1") and isinstance(row["1"], dict) and "ground_truth" in row["1"],
        _orz,
    ),
    Format("tulu_math", lambda row: has(row, "messages", "ground_truth"), _tulu_mathematics),
)
