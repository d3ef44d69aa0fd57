"""What one worker process is told by its supervisor."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self

from verifier.chat import ChatSettings
from verifier.logs import LogFormat


@dataclass(frozen=True, slots=True)
class ProcessSettings:
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
    judge: ChatSettings | None = None
    """The model of the reward ``judge``."""

    def to_json(self) -> bytes:
        """For the standard input of the process: arguments and environments can be read by others."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The inverse of `to_json`."""
        values = json.loads(data)
        judge = values.pop("judge")
        return cls(**values, judge=ChatSettings(**judge) if judge else None)
