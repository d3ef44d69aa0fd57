"""The ``verifier`` command; one file a subcommand, each imported when it is run."""

from __future__ import annotations

import typer

from verifier.cli.serve import serve

app = typer.Typer(
    name="verifier",
    help="Rewards by rules: mathematics, unit tests in jails, formats.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve)


def main() -> None:
    """The console script."""
    app()
