"""The options by which a command is told what to score by, and what to read."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import typer

from verifier.cli.problems import UsageError
from verifier.datasets import AUTO, FORMATS
from verifier.datasets.item import RewardChoice

RewardsFile = Annotated[
    Path | None,
    typer.Option(
        "--rewards", help="A TOML file: a list of rewards, or a preset with its params.", metavar="FILE"
    ),
]
PresetName = Annotated[
    str | None, typer.Option("--preset", help="A published recipe, by its name.", metavar="NAME")
]


def _known_format(name: str) -> str:
    known = [AUTO, *sorted(known.name for known in FORMATS)]
    if name not in known:
        raise typer.BadParameter(f"no data format of this name; known are: {', '.join(known)}")
    return name


DatasetFormat = Annotated[
    str,
    typer.Option(
        help="The format of the rows; auto tells each row's by its fields.",
        metavar="NAME",
        callback=_known_format,
    ),
]
Sandbox = Annotated[
    str,
    typer.Option(help="Where code runs: auto, docker, local, URL[,URL…] or none.", envvar="VERIFIER_SANDBOX"),
]
Url = Annotated[
    str | None, typer.Option(help="Score by a server (http://…) or a queue (redis://…), not in this process.")
]
ApiKeyFile = Annotated[Path | None, typer.Option(help="The file whose first line is the server's API key.")]
Processes = Annotated[
    int | None, typer.Option(min=1, help="Scoring processes for mathematics. Default: one a core.")
]

Plugins = Annotated[
    list[Path] | None, typer.Option("--plugin", help="File that defines a reward type; repeatable.")
]


def keep_apart(file: Path, out: Path | None) -> None:
    """Refuse to write over the file that is read.

    Raises:
        UsageError: both are the same file.
    """
    if out is not None and out.exists() and out.samefile(file):
        raise UsageError(f"--out {out} is the file that is read; name another")


def read_choice(file: Path | None, preset: str | None) -> RewardChoice | None:
    """What ``--rewards`` or ``--preset`` ask for; None where neither is given.

    Raises:
        UsageError: both are given, or the file is not as it must be.
    """
    if file is not None and preset is not None:
        raise UsageError("give --rewards or --preset, not both")
    if preset is not None:
        return {"preset": preset}
    if file is None:
        return None
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not TOML: {error}") from None
    if document.keys() == {"rewards"} and isinstance(document["rewards"], list):
        rewards: RewardChoice = document["rewards"]
        return rewards
    if "preset" in document and document.keys() <= {"preset", "params"}:
        return document
    raise UsageError(f'{file} must hold [[rewards]] tables, or preset = "NAME" and perhaps [params]')
