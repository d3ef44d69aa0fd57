"""What a command says, on one or a few lines, when it cannot be run as it was given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

from verifier.datasets import UnreadableFile
from verifier.errors import RequestInvalid

_ITEM_PATH = re.compile(r"items\.(\d+)\.(.+)")


class UsageError(Exception):
    """The command cannot be run as it was given; the message says what to do."""


@contextmanager
def refusals(command: str) -> Iterator[None]:
    """Turn what the user can mend into a message on standard error and exit status 2."""
    from verifier.rewards.plugins import PluginUnusable

    try:
        with naming_lines([]):
            yield
    except (UsageError, UnreadableFile, PluginUnusable) as error:
        _refuse(command, str(error))
    except OSError as error:
        _refuse(command, f"{error.filename}: {error.strerror}" if error.filename else str(error))


@contextmanager
def naming_lines(lines: Sequence[int]) -> Iterator[None]:
    """Turn the refusal of a request into a ``UsageError`` that names the lines of a file.

    Args:
        lines: where the items of the request stand in the file.
    """
    from trainer_client import RequestRejected

    try:
        yield
    except RequestInvalid as error:
        fields = [(field.path, field.message) for field in error.fields]
        raise UsageError(_told(error.message, fields, lines)) from None
    except RequestRejected as error:
        fields = [(field["path"], field["message"]) for field in error.fields]
        raise UsageError(_told(error.message, fields, lines)) from None


def _told(message: str, fields: Sequence[tuple[str, str]], lines: Sequence[int]) -> str:
    def located(path: str) -> str:
        found = _ITEM_PATH.match(path)
        return f"line {lines[int(found[1])]}: {found[2]}" if found and int(found[1]) < len(lines) else path

    return "\n".join([message, *(f"  {located(path)}: {problem}" for path, problem in fields)])


def _refuse(command: str, message: str) -> None:
    typer.echo(f"verifier {command}: {message}", err=True)
    raise typer.Exit(2) from None
