"""Assertions that a tester makes about a candidate in another process, in every runtime."""

import pytest

from sandbox.client import UnusableTests
from tests.sandbox.conftest import Sandbox


def test_asserts_are_judged_one_by_one(sandbox: Sandbox) -> None:
    code = "def add(a, b):\n    return a + b\n"
    verdicts = sandbox.asserts(
        code, "assert add(1, 2) == 3", "assert add(1, 2) == 4", "assert add(1, 'a') == 2"
    )
    assert verdicts == ["correct", "incorrect", "runtime_error"]


def test_humaneval_shape(sandbox: Sandbox) -> None:
    setup = (
        "METADATA = {}\n\ndef check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 9\n"
    )
    for body, verdict in (("x * x", "correct"), ("4", "incorrect")):
        code = f"def square(x):\n    return {body}\n"
        assert sandbox.asserts(code, "check(candidate)", setup=setup, entry_point="square") == [verdict]


def test_classes_exceptions_iteration_and_callbacks(sandbox: Sandbox) -> None:
    code = """
import re
class Empty(Exception): pass
class Vector:
    def __init__(self, x, y): self.x, self.y = x, y
    def __eq__(self, other): return isinstance(other, Vector) and (self.x, self.y) == (other.x, other.y)
    def __add__(self, other): return Vector(self.x + other.x, self.y + other.y)
    def __mul__(self, k): return Vector(self.x * k, self.y * k)
    def __rmul__(self, k): return self * k
    def __len__(self): return 2
    def __iter__(self): return iter((self.x, self.y))
    def __repr__(self): return f"Vector({self.x}, {self.y})"
class Stack(list):
    def top(self):
        if not self: raise Empty("nothing")
        return self[-1]
def numbers(n):
    for i in range(n): yield i
def find(pattern, text): return re.search(pattern, text)
def apply(f, x): return f(x)
def reverse(items): items.reverse()
"""
    asserts = [
        "assert Vector(1, 2) == Vector(1, 2) and Vector(1, 2) != Vector(2, 1)",
        "assert Vector(1, 2) + Vector(1, 1) == Vector(2, 3)",
        "assert Vector(1, 2) * 3 == Vector(3, 6) and 3 * Vector(1, 2) == Vector(3, 6)",
        "assert (Vector(1, 2) * 3).x == 3",
        "assert isinstance(Vector(1, 2), Vector) and not isinstance(3, Vector)",
        "assert len(Vector(1, 2)) == 2 and list(Vector(1, 2)) == [1, 2]",
        "assert repr(Vector(1, 2)) == 'Vector(1, 2)'",
        "x, y = Vector(5, 6)\nassert (x, y) == (5, 6)",
        "s = Stack()\ns.append(4)\nassert s.top() == 4 and s == [4] and 4 in s",
        "try:\n    Stack().top()\nexcept Empty as e:\n    assert str(e) == 'nothing'\nelse:\n    1 / 0",
        "assert list(numbers(3)) == [0, 1, 2] and sum(numbers(4)) == 6",
        "assert find('b', 'abc') and not find('x', 'abc') and find('b', 'abc').start() == 1",
        "assert apply(lambda x: x * 2, 4) == 8",
        "items = [1, 2, 3]\nreverse(items)\nassert items == [3, 2, 1]",
        "assert math.isclose(apply(abs, -2.0), 2.0)",
    ]
    assert sandbox.asserts(code, *asserts) == ["correct"] * len(asserts)


RAISES = "try:\n    f()\nexcept ValueError as error:\n    assert str(error) == 'no'\nelse:\n    assert False"
POINT = "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef f(): return P(1, 2)"
ENUM = "from enum import Enum\nclass E(Enum):\n    A = 1\ndef f(): return E.A"


@pytest.mark.parametrize(
    ("code", "assertion"),
    [
        ("def f(): raise ValueError('no')", RAISES),
        ("def f(): return {'a': (1, {2})}", "assert f() == {'a': (1, {2})}"),
        ("class C:\n    n = 0", "c = C()\nc.n = 5\nassert c.n == 5"),
        (POINT, "assert f() == (1, 2) and f().x == 1"),
        (ENUM, "assert f() == E.A and f() is E.A"),
    ],
    ids=["exception", "nested", "set_attribute", "namedtuple", "enum"],
)
def test_more_shapes(local_sandbox: Sandbox, code: str, assertion: str) -> None:
    assert local_sandbox.asserts(code, assertion) == ["correct"]


def test_the_entry_point_may_have_a_builtins_name(local_sandbox: Sandbox) -> None:
    code = "def sum(a, b): return a * b"
    assert local_sandbox.asserts(code, "assert sum(3, 4) == 12", entry_point="sum") == ["correct"]


def test_a_candidate_that_ends_fails_that_assert_alone(sandbox: Sandbox) -> None:
    code = "import os\ndef f(x):\n    if x == 1: os._exit(0)\n    return x"
    asserts = [f"assert f({number}) == {number}" for number in range(3)]
    assert sandbox.asserts(code, *asserts) == ["correct", "runtime_error", "correct"]


def test_a_program_that_fails_to_load_fails_every_assert(sandbox: Sandbox) -> None:
    assert sandbox.asserts("1 / 0", "assert f() == 1", "assert True") == ["runtime_error"] * 2
    assert sandbox.asserts("import os; os._exit(0)", "assert True", "assert True") == ["runtime_error"] * 2
    assert sandbox.asserts("def f(:", "assert True") == ["compile_error"]


@pytest.mark.parametrize("setup", ["import no_such_module", "def f(:", "raise ValueError"])
def test_tests_that_fail_by_themselves_are_unusable(local_sandbox: Sandbox, setup: str) -> None:
    with pytest.raises(UnusableTests):
        local_sandbox.asserts("x = 1", "assert x == 1", setup=setup)


def test_a_setup_that_fails_by_the_candidate_is_judged(local_sandbox: Sandbox) -> None:
    assert local_sandbox.asserts("x = 1", "assert True", setup="s = Solution()") == ["incorrect"]
    code = "class Solution:\n    def __init__(self): raise KeyError('x')"
    assert local_sandbox.asserts(code, "assert True", setup="s = Solution()") == ["runtime_error"]
