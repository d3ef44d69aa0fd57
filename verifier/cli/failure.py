"""What a user can mend is said in one line, without a trace, and exits 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from pydantic import ValidationError


@contextmanager
def plain_failures(command: str) -> Iterator[None]:
    """Turn the errors that settings, files and services raise into lines for the user.

    Raises:
        typer.Exit: with 2, after one of them.
    """
    from trainer_client import EmbeddedRedisError

    try:
        yield
    except ValidationError as error:
        for found in error.errors(include_input=False, include_url=False):
            typer.echo(f"verifier {command}: {'.'.join(map(str, found['loc']))}: {found['msg']}", err=True)
        raise typer.Exit(2) from None
    except (ValueError, OSError, RuntimeError, EmbeddedRedisError) as error:
        typer.echo(f"verifier {command}: {error}", err=True)
        raise typer.Exit(2) from None
