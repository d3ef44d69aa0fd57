"""Test sets of the ``code`` reward (``reference.tests``), from the shapes that data sets write them in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from verifier.datasets.item import RowUnusable
from verifier.schema import JsonObject

_LARGEST = 2**64 - 1
_SMALLEST = -(2**63)

MIN_MEMORY_MB = 256
"""A stated limit below this leaves no room for an interpreter, and is raised to it."""


def stdio(inputs: Sequence[Any], outputs: Sequence[Any], checker: str | None = None) -> JsonObject:
    """Programs that read stdin and write stdout; a text may come as a list of its lines."""
    _same_length(inputs, outputs)
    tests: JsonObject = {
        "type": "stdio",
        "cases": [
            {"stdin": _joined(stdin), "stdout": _joined(stdout)}
            for stdin, stdout in zip(inputs, outputs, strict=True)
        ],
    }
    if checker:
        tests["checker"] = {"language": "python", "code": checker}
    return tests


def calls(function: str, arguments: Sequence[Any], expected: Sequence[Any]) -> JsonObject:
    """Calls of a function and the values they must return.

    Integers beyond 64 bits do not travel as JSON everywhere; where one occurs, the calls are written as
    assertions instead.
    """
    _same_length(arguments, expected)
    for one in arguments:
        if not isinstance(one, list):
            raise RowUnusable("the inputs of a function must be lists of its arguments")
    if _fits(arguments) and _fits(expected):
        cases = [{"args": args, "expected": value} for args, value in zip(arguments, expected, strict=True)]
        return {"type": "call", "function": function, "cases": cases}
    called = function.replace(".", "().")
    return asserts(
        [
            f"assert {called}({', '.join(map(repr, args))}) == {value!r}"
            for args, value in zip(arguments, expected, strict=True)
        ]
    )


def asserts(statements: Sequence[str], setup: str = "", entry_point: str | None = None) -> JsonObject:
    """Python assertions about the program."""
    if not statements:
        raise RowUnusable("no tests")
    tests: JsonObject = {"type": "assert", "setup": setup, "asserts": list(statements)}
    if entry_point is not None:
        tests["entry_point"] = entry_point
    return tests


def inputs_outputs(tests: JsonObject, context: str) -> JsonObject:
    """``{inputs, outputs[, fn_name]}``, as APPS, TACO, Eurus and Skywork write tests.

    With ``fn_name``, outputs that are all lists of one hold the value inside: that is how APPS wraps them.
    ``context`` is whatever shows whether the function stands in a ``class Solution``.
    """
    inputs, outputs = tests.get("inputs"), tests.get("outputs")
    if not isinstance(inputs, list) or not isinstance(outputs, list):
        raise RowUnusable("tests without lists 'inputs' and 'outputs'")
    name = tests.get("fn_name")
    if not name:
        return stdio(inputs, outputs)
    if all(isinstance(output, list) and len(output) == 1 for output in outputs):
        outputs = [output[0] for output in outputs]
    return calls(qualified(str(name), context), inputs, outputs)


def qualified(function: str, context: str) -> str:
    """The function's path: a method of ``Solution`` where the context declares that class."""
    return f"Solution.{function}" if "class Solution" in context else function


def code_reward(cpu_s: float | None = None, memory_mb: float | None = None) -> list[JsonObject]:
    """The ``code`` reward with the limits that a row states."""
    limits: JsonObject = {}
    if cpu_s:
        limits["cpu_s"] = float(cpu_s)
    if memory_mb:
        limits["memory_mb"] = max(MIN_MEMORY_MB, int(memory_mb))
    return [{"type": "code", "limits": limits}] if limits else [{"type": "code"}]


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(str(line) for line in value)
    if value is None or isinstance(value, dict):
        raise RowUnusable("stdin and stdout of a test must be text")
    return str(value)


def _same_length(inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    if not inputs:
        raise RowUnusable("no tests")
    if len(inputs) != len(outputs):
        raise RowUnusable(f"{len(inputs)} test inputs, but {len(outputs)} outputs")


def _fits(value: Any) -> bool:
    """Whether every integer within fits into 64 bits."""
    if isinstance(value, float) and not math.isfinite(value):
        raise RowUnusable("a test with a number beyond the range of floats")
    if isinstance(value, bool) or not isinstance(value, int | list | tuple | dict):
        return True
    if isinstance(value, int):
        return _SMALLEST <= value <= _LARGEST
    return all(map(_fits, value.values() if isinstance(value, dict) else value))
