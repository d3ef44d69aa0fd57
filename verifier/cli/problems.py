"""What a command says, on one or a few lines, when it cannot be run as it was given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

from verifier.datasets import UnreadableFile

_ITEM_PATH = re.compile(r"items\.(\d+)\.(.+)")


class UsageError(Exception):
    """The command cannot be run as it was given; the message says what to do."""


class RequestRefused(UsageError):
    """The engine, server or worker will not take a request."""

    def __init__(self, message: str, fields: Sequence[tuple[str, str]]) -> None:
        super().__init__("\n".join([message, *(f"  {path}: {problem}" for path, problem in fields)]))
        self.fields = fields
        """The path and the problem of each field that is not as it must be."""

    def by_item(self) -> dict[int, str]:
        """What is wrong with which item; empty where the fault is not in the items alone."""
        found = [(_ITEM_PATH.match(path), problem) for path, problem in self.fields]
        if not all(match for match, _ in found):
            return {}
        return {int(match[1]): f"{match[2]}: {problem}" for match, problem in found if match}


@contextmanager
def refusals(command: str) -> Iterator[None]:
    """Turn what the user can mend into a message on standard error and exit status 2."""
    from verifier.rewards.plugins import PluginUnusable

    try:
        yield
    except (UsageError, UnreadableFile, PluginUnusable) as error:
        _refuse(command, str(error))
    except OSError as error:
        _refuse(command, f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _refuse(command: str, message: str) -> None:
    typer.echo(f"verifier {command}: {message}", err=True)
    raise typer.Exit(2) from None
