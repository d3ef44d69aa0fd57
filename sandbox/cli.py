"""The `sandbox` command."""

import tomllib
from pathlib import Path
from typing import Annotated

import typer

from sandbox.images import build_image
from sandbox.runtimes import RuntimeUnavailable
from sandbox.runtimes.docker import DEFAULT_IMAGE
from sandbox.schema import Limits
from sandbox.serve import serve as run_service
from sandbox.settings import RuntimeChoice, Settings, is_loopback, read_api_keys

app = typer.Typer(no_args_is_help=True, add_completion=False)
DEFAULTS = Settings()


def _load(context: typer.Context, path: Path | None) -> Path | None:
    """Take defaults from the file."""
    if path:
        values = tomllib.loads(path.read_text())
        known = {parameter.name for parameter in context.command.params}
        if unknown := values.keys() - known:
            raise typer.BadParameter(f"unknown keys in {path}: {', '.join(sorted(unknown))}")
        context.default_map = values
    return path


Config = Annotated[
    Path | None,
    typer.Option(
        callback=_load, is_eager=True, envvar="SANDBOX_CONFIG", help="TOML file with these options as keys."
    ),
]


@app.command()
def serve(
    config: Config = None,
    runtime: Annotated[RuntimeChoice, typer.Option(envvar="SANDBOX_RUNTIME")] = "auto",
    host: Annotated[str, typer.Option(envvar="SANDBOX_HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="SANDBOX_PORT", min=0, max=65535)] = 8081,
    uds: Annotated[
        Path | None, typer.Option(envvar="SANDBOX_UDS", help="Serve on this unix socket instead.")
    ] = None,
    slots: Annotated[int, typer.Option(envvar="SANDBOX_SLOTS", min=1, help="Jails.")] = DEFAULTS.slots,
    image: Annotated[str, typer.Option(envvar="SANDBOX_IMAGE", help="Image of the jails.")] = DEFAULT_IMAGE,
    socket_directory: Annotated[
        Path | None,
        typer.Option(
            envvar="SANDBOX_SOCKET_DIRECTORY",
            help="Where the jails' sockets are made. In a container: the same path on the host, or the mount "
            "point of --socket-volume.",
        ),
    ] = None,
    socket_volume: Annotated[
        str | None,
        typer.Option(envvar="SANDBOX_SOCKET_VOLUME", help="Docker volume mounted at --socket-directory."),
    ] = None,
    max_waiting: Annotated[
        int, typer.Option(envvar="SANDBOX_MAX_WAITING", min=1, help="Requests at once; 429 beyond.")
    ] = DEFAULTS.max_waiting,
    max_cpu_s: Annotated[float, typer.Option(envvar="SANDBOX_MAX_CPU_S")] = DEFAULTS.ceilings.cpu_s,
    max_wall_s: Annotated[float, typer.Option(envvar="SANDBOX_MAX_WALL_S")] = DEFAULTS.ceilings.wall_s,
    max_memory_mb: Annotated[int, typer.Option(envvar="SANDBOX_MAX_MEMORY_MB")] = DEFAULTS.ceilings.memory_mb,
    max_output_kb: Annotated[int, typer.Option(envvar="SANDBOX_MAX_OUTPUT_KB")] = DEFAULTS.ceilings.output_kb,
    max_processes: Annotated[int, typer.Option(envvar="SANDBOX_MAX_PROCESSES")] = DEFAULTS.ceilings.processes,
    accept_reduced_limits: Annotated[
        bool,
        typer.Option(
            "--accept-reduced-limits",
            envvar="SANDBOX_ACCEPT_REDUCED_LIMITS",
            help="Serve even where memory and CPU can only be capped for each process.",
        ),
    ] = False,
    api_key_file: Annotated[
        Path | None, typer.Option(envvar="SANDBOX_API_KEY_FILE", help="One key a line.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", envvar="SANDBOX_INSECURE", help="Serve others without a key.")
    ] = False,
    until_eof: Annotated[bool, typer.Option("--until-eof", hidden=True)] = False,
) -> None:
    """Serve the sandbox over HTTP."""
    del config
    keys = read_api_keys(api_key_file) if api_key_file else []
    if not (uds or keys or insecure or is_loopback(host)):
        raise typer.BadParameter(f"{host} can be reached from elsewhere: give --api-key-file, or --insecure")
    ceilings = Limits(
        cpu_s=max_cpu_s,
        wall_s=max_wall_s,
        memory_mb=max_memory_mb,
        output_kb=max_output_kb,
        processes=max_processes,
    )
    settings = Settings(
        runtime=runtime,
        image=image,
        socket_directory=socket_directory,
        socket_volume=socket_volume,
        slots=slots,
        max_waiting=max_waiting,
        ceilings=ceilings,
        accept_reduced_limits=accept_reduced_limits,
        api_keys=keys,
    )
    run_service(settings, host, port, uds, until_eof=until_eof)


@app.command(name="build-image")
def build(
    base: Annotated[
        str | None,
        typer.Option(envvar="SANDBOX_BASE", help="Debian image to build on, with or without python3 in it."),
    ] = None,
    tag: Annotated[str, typer.Option(envvar="SANDBOX_IMAGE")] = DEFAULT_IMAGE,
) -> None:
    """Build the image of the jails."""
    try:
        for line in build_image(tag, base):
            if line:
                typer.echo(line)
    except RuntimeUnavailable as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


def main() -> None:
    """Entry point."""
    app()
