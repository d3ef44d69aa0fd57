"""The options of the serving commands: flags, ``VERIFIER_…`` variables, and keys of one TOML file.

A flag wins over a variable, a variable over the file (``--config FILE`` or ``VERIFIER_CONFIG``).
"""

from __future__ import annotations

import math
import os
from ipaddress import ip_address
from pathlib import Path

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from verifier.chat import ChatSettings
from verifier.logs import LogFormat


class CommandSettings(BaseSettings):
    """What the serving commands share. One file may hold the options of all of them."""

    model_config = SettingsConfigDict(env_prefix="VERIFIER_", extra="ignore", frozen=True)

    sandbox: str = "auto"
    sandbox_api_key_file: Path | None = None
    plugins: tuple[Path, ...] = ()
    """Files that define reward types."""
    judge_url: str | None = Field(default=None, pattern=r"^https?://")
    """Base URL of the OpenAI-compatible endpoint that the reward ``judge`` asks."""
    judge_model: str | None = None
    judge_api_key_file: Path | None = None
    judge_concurrency: int = Field(default=32, ge=1, le=4096)
    """Questions at once to the judge, of each process."""
    judge_timeout_s: float = Field(default=120.0, gt=0)
    """How long the judge may take over one completion, repetitions and all."""
    grace_s: int = Field(default=30, ge=0)
    """How long what is running may take after SIGTERM."""
    log_format: LogFormat = "json"

    def judge(self) -> ChatSettings | None:
        """The judge as configured; None where none is.

        Raises:
            ValueError: it has no model, or no URL; or the key file holds no key.
            OSError: the key file cannot be read.
        """
        if self.judge_url is None and self.judge_model is None:
            return None
        if self.judge_url is None or self.judge_model is None:
            raise ValueError("--judge-url and --judge-model need each other: give both, or neither")
        key_file = self.judge_api_key_file
        return ChatSettings(
            url=self.judge_url,
            model=self.judge_model,
            api_key=read_api_keys(key_file)[0] if key_file else None,
            concurrency=self.judge_concurrency,
            timeout_s=self.judge_timeout_s,
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then variables, then the file.

        Raises:
            ValueError: the file has a key that no command knows.
        """
        file = TomlConfigSettingsSource(settings_cls, toml_file=os.environ.get("VERIFIER_CONFIG"))
        known = ServeSettings.model_fields.keys() | WorkerSettings.model_fields.keys()
        if unknown := sorted(file.toml_data.keys() - known):
            raise ValueError(f"the configuration file has unknown keys: {', '.join(unknown)}")
        return init_settings, env_settings, file


class WorkerSettings(CommandSettings):
    """How ``verifier worker`` works."""

    redis_url: str = "redis://127.0.0.1:6379/0"
    queue: str = "score"
    processes: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=1024)
    """Workers; each takes one job at a time."""

    @property
    def scoring_processes(self) -> int:
        """Scoring processes of each worker: one a core in all."""
        return math.ceil((os.cpu_count() or 1) / self.processes)


class ServeSettings(CommandSettings):
    """How ``verifier serve`` serves."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    redis_url: str = "none"
    api_key_file: Path | None = None
    requests_per_s_per_key: int | None = Field(default=None, ge=1)
    """Requests a second of one API key; beyond it 429."""
    requests_at_once_per_key: int | None = Field(default=None, ge=1)
    """Requests at once of one API key; beyond it 429."""
    insecure: bool = False
    """Serve a non-loopback address without an API key."""
    scoring_processes: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=1024)
    """Processes for rewards that hostile text can stall."""
    max_items_in_flight: int = Field(default=16_384, ge=1)
    """Beyond it a request is refused with 429."""
    max_connections: int = Field(default=1024, ge=1)
    """Beyond it a connection is answered with 429 and closed."""
    max_held_mb: int = Field(default=512, ge=64)
    """Request bodies held at once, in MiB; beyond it 429."""
    receive_timeout_s: float = Field(default=30.0, gt=0)
    """How long a sender may take for a request's headers, and again for its body."""
    job_result_ttl_s: int = Field(default=3600, ge=1, le=86_400)
    """How long an ended job of POST /jobs can be fetched."""
    audit_file: Path | None = None
    """Where a sample of items goes, completions and all, with their verdicts, as JSON lines."""
    audit_share: float = Field(default=0.01, ge=0, le=1)
    """The share of items that is sampled, where there is a file."""
    audit_max_mb: int = Field(default=100, ge=1)
    """How large the file may become; the one before it is kept too."""

    def refuse_open_door(self) -> str | None:
        """Why this must not be served: a non-loopback address without a key; None where it may."""
        if self.insecure or self.api_key_file is not None or is_loopback(self.host):
            return None
        return (
            f"{self.host} can be reached from outside, and no API key is set: "
            "give --api-key-file FILE (one key a line), or --insecure to serve anyone"
        )


def is_loopback(host: str) -> bool:
    """Whether an address is reachable from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def read_api_keys(file: Path) -> tuple[str, ...]:
    """The keys of a file, one a line; blank lines and ``#`` comments are passed over.

    Raises:
        ValueError: the file holds no key.
        OSError: it cannot be read.
    """
    lines = (line.strip() for line in file.read_text().splitlines())
    keys = tuple(line for line in lines if line and not line.startswith("#"))
    if not keys:
        raise ValueError(f"{file} holds no API key: write one a line")
    return keys
