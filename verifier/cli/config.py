"""``verifier config``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit, urlunsplit

import typer

from verifier.cli.failure import plain_failures

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

MASK = "***"
_SECRET_PARAMETER = re.compile(r"(password|key|token)=[^&]*", re.IGNORECASE)


def config(
    file: Annotated[
        Path | None, typer.Option("--config", help="A TOML file of options.", envvar="VERIFIER_CONFIG")
    ] = None,
) -> None:
    """Print the configuration that serve and worker would run with, as TOML, secrets masked."""
    from verifier.settings import ServeSettings, WorkerSettings

    if file is not None:
        os.environ["VERIFIER_CONFIG"] = str(file)
    with plain_failures("config"):
        for command, settings in (("serve", ServeSettings()), ("worker", WorkerSettings())):
            typer.echo(f"[{command}]\n{_as_toml(settings)}")


def _as_toml(settings: BaseSettings) -> str:
    lines = [_line(name, value) for name, value in settings.model_dump(mode="json").items()]
    return "".join(line + "\n" for line in lines)


def _line(name: str, value: Any) -> str:
    """One option; what is not set stands as a comment, since TOML has no null."""
    if value is None:
        return f"# {name} is not set"
    return f"{name} = {_literal(value)}"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        import orjson

        return orjson.dumps(mask_urls(value)).decode()
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return str(value)


def mask_urls(value: str) -> str:
    """Without the passwords of the URLs in it, of which there may be several, with commas between them."""
    return ",".join(map(_mask_url, value.split(",")))


def _mask_url(value: str) -> str:
    url = urlsplit(value)
    url = url._replace(query=_SECRET_PARAMETER.sub(rf"\1={MASK}", url.query))
    if not url.scheme or "@" not in url.netloc:
        return urlunsplit(url) if url.scheme and url.query else value
    user, _, password = url.netloc.rpartition("@")[0].partition(":")
    host = url.netloc.rpartition("@")[2]
    secret = f"{user}:{MASK}" if password else MASK
    return urlunsplit(url._replace(netloc=f"{secret}@{host}"))
