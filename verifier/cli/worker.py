"""``verifier worker``."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from verifier.cli.failure import plain_failures


def worker(
    redis_url: Annotated[
        str | None, typer.Option(help="URL, or embedded. Default: redis://127.0.0.1:6379/0.")
    ] = None,
    queue: Annotated[str | None, typer.Option(help="The RQ queue to serve. Default: score.")] = None,
    processes: Annotated[int | None, typer.Option(help="Workers. Default: one a core.")] = None,
    sandbox: Annotated[
        str | None, typer.Option(help="auto, docker, local, URL[,URL…] or none. Default: auto.")
    ] = None,
    sandbox_api_key_file: Annotated[Path | None, typer.Option(help="Key of the sandbox at URL.")] = None,
    judge_url: Annotated[
        str | None, typer.Option(help="Base URL of an OpenAI-compatible judge, http://…/v1. Default: none.")
    ] = None,
    judge_model: Annotated[str | None, typer.Option(help="The judge's model.")] = None,
    judge_api_key_file: Annotated[Path | None, typer.Option(help="Key of the judge.")] = None,
    judge_concurrency: Annotated[
        int | None, typer.Option(help="Questions at once to the judge, of each process. Default: 32.")
    ] = None,
    judge_timeout_s: Annotated[
        float | None, typer.Option(help="Seconds for one completion, repetitions and all. Default: 120.")
    ] = None,
    plugins: Annotated[
        list[Path] | None, typer.Option("--plugin", help="File that defines a reward type; repeatable.")
    ] = None,
    grace_s: Annotated[int | None, typer.Option(help="Seconds to finish after SIGTERM. Default: 30.")] = None,
    log_format: Annotated[str | None, typer.Option(help="json or console. Default: json.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="A TOML file of these options.", envvar="VERIFIER_CONFIG")
    ] = None,
) -> None:
    """Score jobs of a Redis queue. Every option is also VERIFIER_<NAME>, and a key of --config FILE."""
    from verifier.logs import configure_logging
    from verifier.queue.command import run
    from verifier.settings import WorkerSettings

    given = {name: value for name, value in locals().items() if name in WorkerSettings.model_fields}
    if config is not None:
        os.environ["VERIFIER_CONFIG"] = str(config)
    with plain_failures("worker"):
        settings = WorkerSettings(**{name: value for name, value in given.items() if value is not None})
        configure_logging(settings.log_format)
        asyncio.run(run(settings))
