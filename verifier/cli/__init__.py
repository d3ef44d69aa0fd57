"""The ``verifier`` command; one file a subcommand, each importing what it runs when it is run."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from verifier.cli.config import config
from verifier.cli.diff import diff
from verifier.cli.explain import explain
from verifier.cli.lint import lint
from verifier.cli.score import score
from verifier.cli.serve import serve
from verifier.cli.worker import worker

app = typer.Typer(name="verifier", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for command in (serve, worker, config, score, explain, lint, diff):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("rlvr-verifier"))
        raise typer.Exit


@app.callback()
def verifier(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Rewards by rules: mathematics, unit tests in jails, formats."""


def main() -> None:
    """The console script."""
    app()
