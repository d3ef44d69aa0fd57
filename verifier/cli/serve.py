"""``verifier serve``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from verifier.cli.failure import plain_failures

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="A TOML file of these options.", envvar="VERIFIER_CONFIG")
]


def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port. Default: 8080.")] = None,
    sandbox: Annotated[
        str | None, typer.Option(help="auto, docker, local, URL[,URL…] or none. Default: auto.")
    ] = None,
    sandbox_api_key_file: Annotated[Path | None, typer.Option(help="Key of the sandbox at URL.")] = None,
    redis_url: Annotated[str | None, typer.Option(help="URL, embedded or none. Default: none.")] = None,
    api_key_file: Annotated[
        Path | None, typer.Option(help="File of API keys, one a line; read again on SIGHUP.")
    ] = None,
    requests_per_s_per_key: Annotated[int | None, typer.Option(help="Beyond it: 429. Default: any.")] = None,
    requests_at_once_per_key: Annotated[
        int | None, typer.Option(help="Beyond it: 429. Default: any.")
    ] = None,
    insecure: Annotated[
        bool | None, typer.Option("--insecure", help="Serve a non-loopback address without a key.")
    ] = None,
    scoring_processes: Annotated[
        int | None, typer.Option(help="Scoring processes. Default: one a core.")
    ] = None,
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
    max_items_in_flight: Annotated[int | None, typer.Option(help="Beyond it: 429. Default: 16384.")] = None,
    max_connections: Annotated[int | None, typer.Option(help="Beyond it: 429. Default: 1024.")] = None,
    max_held_mb: Annotated[
        int | None, typer.Option(help="MiB of request bodies held at once. Default: 512.")
    ] = None,
    receive_timeout_s: Annotated[
        float | None, typer.Option(help="Seconds for a request's headers, and for its body. Default: 30.")
    ] = None,
    job_result_ttl_s: Annotated[
        int | None, typer.Option(help="Seconds that an ended job can be fetched. Default: 3600.")
    ] = None,
    grace_s: Annotated[int | None, typer.Option(help="Seconds to finish after SIGTERM. Default: 30.")] = None,
    log_format: Annotated[str | None, typer.Option(help="json or console. Default: json.")] = None,
    audit_file: Annotated[
        Path | None, typer.Option(help="Sample items with verdicts here. Default: no.")
    ] = None,
    audit_share: Annotated[float | None, typer.Option(help="Of all items. Default: 0.01.")] = None,
    audit_max_mb: Annotated[int | None, typer.Option(help="Largest file. Default: 100.")] = None,
    config: ConfigFile = None,
) -> None:
    """Serve POST /score over HTTP. Every option is also VERIFIER_<NAME>, and a key of --config FILE."""
    from verifier.service.server import serve as run
    from verifier.settings import ServeSettings

    given = {name: value for name, value in locals().items() if name in ServeSettings.model_fields}
    if config is not None:
        os.environ["VERIFIER_CONFIG"] = str(config)
    with plain_failures("serve"):
        run(ServeSettings(**{name: value for name, value in given.items() if value is not None}))
