"""The tester's half of an `assert` run: it runs the tests, in a process and as a user of its own."""

import ast
import builtins
import importlib
import json
import os
import sys
import time
import types
from collections.abc import Callable
from typing import Any

from .peer import Message, PeerGone
from .program import new_module
from .remote import Link
from .values import CannotCross

CHANNEL, RESULTS = 3, 4


class CandidateNames(dict[str, Any]):
    """The tests' builtins, then the standard modules they use by attribute, then the candidate's names.

    In that order: a candidate must not be able to replace `abs` or `math.isclose` under a test.
    """

    def __init__(self, link: Link, trees: list[ast.Module]) -> None:
        super().__init__(vars(builtins))
        self._link = link
        self._modules = {
            node.value.id
            for tree in trees
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        } & sys.stdlib_module_names

    def __missing__(self, name: str) -> Any:
        if name in self._modules:
            return importlib.import_module(name)
        try:
            return getattr(self._link.module, name)
        except AttributeError:
            raise KeyError(name) from None


class Solution(types.ModuleType):
    """The module that tests get when they import `solution`."""

    def __init__(self, link: Link) -> None:
        super().__init__("solution")
        self.__dict__["_link"] = link

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._link.module, name)


def run_tester(job: bytes) -> None:
    """Judge each assert and write one line each. Never returns."""
    request = json.loads(job)
    link = Link(CHANNEL)
    try:
        _run(request, link)
    except BaseException as error:  # noqa: BLE001 - a defect of ours, reported as such
        _only({"fault": f"{type(error).__name__}: {error}"[:500]})
    os._exit(0)


def _run(request: Message, link: Link) -> None:
    try:
        trees = [ast.parse(text) for text in (request["setup"], *request["asserts"])]
        codes = [compile(tree, "tests.py", "exec", dont_inherit=True) for tree in trees]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        _only({"unusable": f"the tests do not parse: {error}"})
        return
    failure = _hello(link)
    if failure and "syntax" in failure:
        _only(failure)
        return
    namespace: dict[str, Any] = {}
    if not failure:
        namespace = _namespace(request["entry_point"], link, trees)
        failure = _attempt(lambda: exec(codes[0], namespace), link)
        if failure and not link.peer.asked:
            _only({"unusable": f"the tests' set-up fails by itself: {failure.get('message')}"})
            return
        failure = failure or _attempt(lambda: _bind(namespace, request["entry_point"], link), link)
    if failure and "gone" in failure:
        return
    _write("loaded")
    for index, code in enumerate(codes[1:]):
        if not _judge(index, code, namespace, link, failure):
            return


def _hello(link: Link) -> Message | None:
    """Why the candidate is not ready, or None."""
    try:
        hello = link.peer.receive()
    except PeerGone as gone:
        return {"gone": str(gone)}
    if hello.get("ready") is True:
        return None
    message = str(hello.get("message"))[:500]
    return {"syntax": message} if hello.get("syntax") else {"failed": "runtime_error", "message": message}


def _namespace(entry_point: str | None, link: Link, trees: list[ast.Module]) -> dict[str, Any]:
    module = new_module("__main__")
    sys.modules["solution"] = Solution(link)
    names = CandidateNames(link, trees)
    if entry_point and not any(_uses(tree, "candidate") for tree in trees):
        names.pop(entry_point, None)  # the function under test may be called `sum`
    module.__dict__["__builtins__"] = names
    return module.__dict__


def _uses(tree: ast.Module, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def _bind(namespace: dict[str, Any], entry_point: str | None, link: Link) -> None:
    if entry_point:
        namespace.setdefault("candidate", getattr(link.module, entry_point))


def _judge(
    index: int, code: types.CodeType, namespace: dict[str, Any], link: Link, failure: Message | None
) -> bool:
    """Run one assert and record it; whether the next one can be run."""
    cpu, wall = time.process_time(), time.monotonic()
    result = failure or _attempt(lambda: exec(code, namespace), link) or {"passed": True}
    if "gone" in result:
        return False
    used = {"cpu_ms": (time.process_time() - cpu) * 1e3, "wall_ms": (time.monotonic() - wall) * 1e3}
    _write(json.dumps({"index": index, **result, **used}))
    return True


def _attempt(body: Callable[[], Any], link: Link) -> Message | None:
    """None, or why it failed: by the test's judgement, by the candidate's exception, or by its end."""
    failure: Message | None = None
    try:
        body()
    except PeerGone as gone:
        return {"gone": str(gone)}
    except CannotCross as error:
        failure = {"failed": "incorrect", "message": str(error)[:500]}
    except BaseException as error:  # noqa: BLE001 - any exception out of a test is a failure
        verdict = "runtime_error" if getattr(error, "from_candidate", False) else "incorrect"
        failure = {"failed": verdict, "message": _message(error)}
    if link.peer.gone:  # a bare `except:` in the tests may have hidden it
        return {"gone": "the candidate's process ended during this test"}
    return failure


def _message(error: BaseException) -> str:
    """An exception may hold objects of the candidate, which then writes this text, or refuses to."""
    try:
        return f"{type(error).__name__}: {error}"[:500]
    except BaseException:  # noqa: BLE001 - see above
        return type(error).__name__


def _only(record: Message) -> None:
    """One record in place of all."""
    _write("loaded")
    _write(json.dumps({"index": 0, **record}))


def _write(text: str) -> None:
    line = f"{text}\n".encode()
    while line:
        line = line[os.write(RESULTS, line) :]
