"""What a worker is told: by the command line, and by its supervisor."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from verifier.logs import LogFormat


class SupervisorSettings(BaseSettings):
    """How ``verifier worker`` works: flags, then ``VERIFIER_…`` variables, then the TOML file."""

    model_config = SettingsConfigDict(env_prefix="VERIFIER_", extra="ignore", frozen=True)

    redis_url: str = "redis://127.0.0.1:6379/0"
    queue: str = "score"
    processes: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=1024)
    """Workers; each takes one job at a time."""
    sandbox: str = "auto"
    sandbox_api_key_file: Path | None = None
    plugins: tuple[Path, ...] = ()
    """Files that define reward types."""
    grace_s: int = Field(default=30, ge=0)
    """How long the jobs at hand may take after SIGTERM."""
    log_format: LogFormat = "json"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then variables, then the file."""
        file = TomlConfigSettingsSource(settings_cls, toml_file=os.environ.get("VERIFIER_CONFIG"))
        return init_settings, env_settings, file

    @property
    def scoring_processes(self) -> int:
        """Scoring processes of each worker: one a core in all."""
        return math.ceil((os.cpu_count() or 1) / self.processes)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How one worker process works."""

    redis_url: str
    queue: str
    name: str
    """The worker's name in Redis; never used twice."""
    sandbox: str
    """``none`` or the URLs of running sandbox services."""
    sandbox_api_key: str | None
    scoring_processes: int
    """Killable processes that the engine scores in."""
    plugins: tuple[str, ...]
    """Files that define reward types."""
    log_format: LogFormat

    def to_json(self) -> bytes:
        """For the standard input of the process: arguments and environments can be read by others."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The inverse of `to_json`."""
        return cls(**json.loads(data))
