"""A scored item as a tree that can be read: what each reward gave, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text
from rich.tree import Tree

from verifier.schema import JsonObject

MAX_SHOWN_CHARACTERS = 400
MAX_SHOWN_FAILURES = 10

_ADVICE = {
    "invalid": "its reference or parameters cannot be used; mend them, a retry changes nothing",
    "error": "it could not be judged, through no doing of the completion; retry",
}


def result_tree(item: JsonObject, result: JsonObject) -> Tree:
    """The tree of one item and its result.

    Args:
        item: as it was sent to be scored.
        result: one of the response's ``results``.
    """
    status = result["status"]
    head = f"reward {result['reward']:g}" if status == "ok" else f"no reward: {status} ({_ADVICE[status]})"
    tree = Tree(Text(head, style="bold" if status == "ok" else "bold red"))
    for part in result["components"]:
        _add_component(tree, part)
    for name in ("completion", "reference", "prompt"):
        if item.get(name) is not None:
            _add_value(tree, name, item[name])
    return tree


def _add_component(tree: Tree, part: Mapping[str, Any]) -> None:
    name = part["name"] if part["name"] == part["type"] else f"{part['name']} ({part['type']})"
    if part["status"] != "ok":
        branch = tree.add(Text(f"{name}: {part['status']}", style="red"))
        _add_value(branch, part["error"]["code"], part["error"]["message"])
        return
    score, weight = part["score"], part["weight"]
    total = f" × weight {weight:g} = {score * weight:g}" if weight != 1 else ""
    branch = tree.add(
        Text(f"{name}: {part['verdict']}, score {score:g}{total}", style=_style(part["verdict"]))
    )
    _add_detail(branch, part["detail"])


def _add_detail(tree: Tree, detail: Mapping[str, Any]) -> None:
    for name, value in detail.items():
        if name == "tests" and _are_tests(value):
            _add_tests(tree, value)
        elif name == "parts" and isinstance(value, dict):
            for path, part in value.items():
                _add_part(tree, path, part)
        else:
            _add_value(tree, name, value)


def _add_part(tree: Tree, path: str, part: Mapping[str, Any]) -> None:
    """A reward that another holds."""
    branch = tree.add(
        Text(f"{path}: {part['verdict']}, score {part['score']:g}", style=_style(part["verdict"]))
    )
    _add_detail(branch, part["detail"])


def _add_tests(tree: Tree, tests: list[dict[str, Any]]) -> None:
    """The tests that failed; those that passed are only counted."""
    failed = [test for test in tests if test["verdict"] != "correct"]
    passed = len(tests) - len(failed)
    branch = tree.add(
        f"tests: {passed} passed, {len(failed)} failed" + (", the failed ones:" if failed else "")
    )
    for test in failed[:MAX_SHOWN_FAILURES]:
        leaf = branch.add(Text(f"test {test['index']}: {test['verdict']}", style="red"))
        for name, value in test.items():
            if name not in ("index", "verdict") and value not in ("", None):
                _add_value(leaf, name, value)
    if len(failed) > MAX_SHOWN_FAILURES:
        branch.add(f"… {len(failed) - MAX_SHOWN_FAILURES} more")


def _add_value(tree: Tree, name: str, value: Any) -> None:
    if isinstance(value, dict):
        branch = tree.add(Text(f"{name}:"))
        for key, inside in value.items():
            _add_value(branch, key, inside)
        return
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        branch = tree.add(Text(f"{name}:"))
        for position, inside in enumerate(value[:MAX_SHOWN_FAILURES]):
            _add_value(branch, str(position), inside)
        if len(value) > MAX_SHOWN_FAILURES:
            branch.add(f"… {len(value) - MAX_SHOWN_FAILURES} more")
        return
    tree.add(Text(f"{name}: {_shown(value)}"))


def _shown(value: Any) -> str:
    text = value.rstrip() if isinstance(value, str) else repr(value)
    if len(text) > MAX_SHOWN_CHARACTERS:
        half = MAX_SHOWN_CHARACTERS // 2
        text = f"{text[:half]} […{len(text) - 2 * half} characters…] {text[-half:]}"
    return text


def _are_tests(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) and "verdict" in one for one in value)


def _style(verdict: str) -> str:
    return {"correct": "green", "scored": "", "partial": "yellow"}.get(verdict, "red")
