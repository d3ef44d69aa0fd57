"""Reward types from outside: files named with ``--plugin``, and installed packages' entry points.

A plugin file is a Python module that defines one or more concrete subclasses of a reward kind. An installed
package names its classes in the entry point group ``verifier.rewards``. Plugins are the operator's own code
and are trusted as such; an ``ItemReward`` of theirs with ``isolated = True`` runs in the killable workers.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from verifier.rewards.base import Reward

GROUP = "verifier.rewards"


class PluginUnusable(ValueError):
    """A plugin that holds no reward type, or one whose name is taken."""


def from_entry_points() -> Iterator[Reward[Any]]:
    """The reward types of installed packages."""
    for point in entry_points(group=GROUP):
        yield point.load()()


def from_file(file: Path) -> Iterator[Reward[Any]]:
    """The reward types that a file defines.

    Raises:
        PluginUnusable: it is no Python file, or defines no reward type.
        Exception: whatever the file itself raises when it is imported.
    """
    name = f"verifier_plugin_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise PluginUnusable(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    found = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Reward)
        and value.__module__ == name
        and not inspect.isabstract(value)
    ]
    if not found:
        raise PluginUnusable(f"{file} defines no reward type: subclass verifier.rewards.base.ItemReward")
    for value in found:
        yield value()
