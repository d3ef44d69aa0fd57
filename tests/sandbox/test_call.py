"""Calls of a function, in every runtime."""

from typing import Any

import pytest

from sandbox.client import UnusableTests
from tests.sandbox.conftest import Sandbox


def test_functions_methods_and_keywords(sandbox: Sandbox) -> None:
    function = "def add(a, b=1):\n    return a + b\n"
    method = "class Solution:\n    def add(self, a, b=1):\n        return a + b\n"
    cases = [{"args": [2], "kwargs": {"b": 3}, "expected": 5}, {"args": [2], "expected": 3}]
    for code, name in ((function, "add"), (method, "Solution.add"), (method, "add")):
        assert sandbox.judge(code, {"type": "call", "function": name, "cases": cases}).passed == 2


def test_each_case_has_a_fresh_instance(sandbox: Sandbox) -> None:
    code = "class Solution:\n    n = 0\n    def f(self):\n        self.n += 1\n        return self.n\n"
    cases = [{"expected": 1}] * 3
    assert sandbox.judge(code, {"type": "call", "function": "Solution.f", "cases": cases}).passed == 3


@pytest.mark.parametrize(
    ("expression", "expected", "verdict"),
    [
        ("3", 3, "correct"),
        ("True", 1, "incorrect"),
        ("(1, 2)", [1, 2], "correct"),
        ("(1, 2)", {"$tuple": [1, 2]}, "correct"),
        ("[1, 2]", {"$tuple": [1, 2]}, "incorrect"),
        ("{1, 2}", {"$set": [2, 1]}, "correct"),
        ("b'a'", {"$bytes": "61"}, "correct"),
        ("{1: 'a'}", {"$dict": [[1, "a"]]}, "correct"),
        ("2 ** 70", {"$int": hex(2**70)}, "correct"),
        ("2 ** 70", 2**70, "correct"),
        ("float('nan')", {"$float": "nan"}, "incorrect"),
        ("None", None, "correct"),
        ("0.1 + 0.2", 0.3, "correct"),
        ("object()", None, "incorrect"),
        ("(x for x in [1])", [1], "incorrect"),
    ],
)
def test_values_and_types(local_sandbox: Sandbox, expression: str, expected: Any, verdict: str) -> None:
    assert local_sandbox.call(f"def f(): return {expression}", [], expected).verdict == verdict


def test_what_one_case_breaks_the_next_one_survives(sandbox: Sandbox) -> None:
    code = """
import os
def f(x):
    if x == 1: raise ValueError("one")
    if x == 2: os._exit(0)
    if x == 3:
        while True: pass
    return x
"""
    cases = [{"args": [number], "expected": number} for number in range(5)]
    result = sandbox.judge(
        code, {"type": "call", "function": "f", "cases": cases}, limits={"cpu_s": 0.5, "wall_s": 60}
    )
    verdicts = [test.verdict for test in result.tests]
    assert verdicts == ["correct", "runtime_error", "runtime_error", "timeout", "correct"]
    assert result.tests[1].message == "ValueError: one"


def test_a_program_that_fails_to_load_fails_every_case_at_once(sandbox: Sandbox) -> None:
    tests = {"type": "call", "function": "f", "cases": [{"expected": 1}] * 4}
    assert {test.verdict for test in sandbox.judge("1 / 0", tests).tests} == {"runtime_error"}
    assert {test.verdict for test in sandbox.judge("x = 1", tests).tests} == {"runtime_error"}
    assert sandbox.judge("def f(:", tests).verdict == "compile_error"


def test_output_of_the_program_does_not_disturb(sandbox: Sandbox) -> None:
    assert sandbox.call("print('hi')\ndef f(x):\n    print(x)\n    return x", [1], 1).verdict == "correct"


def test_values_that_are_none_are_unusable(local_sandbox: Sandbox) -> None:
    with pytest.raises(UnusableTests, match="cannot be read"):
        local_sandbox.call("def f(): return 1", [], {"$int": "zz"})
