"""A sample of what was scored, with its verdicts, for people to look through: JSON lines, bounded.

Off by default. It holds completions, which nothing else does that the service writes; its owner alone can
read it.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

import orjson
import structlog
from prometheus_client import Counter

from verifier.schema import ScoreRequest, ScoreResponse

SAMPLED = Counter("verifier_audited", "Items written to the audit sample.")
LOST = Counter("verifier_audit_lost", "Items of the audit sample that could not be written.")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """Where the sample goes, and how large it may become."""

    file: Path
    share: float
    """Of all items."""
    max_bytes: int
    """Of the file; the one before it is kept beside it, as FILE.1."""


class Audit:
    """Writes the sample."""

    def __init__(self, settings: AuditSettings) -> None:
        self._settings = settings

    def sample(self, request: ScoreRequest, response: ScoreResponse) -> None:
        """Write a share of the items of one batch; a disk that fails costs the sample, never the batch."""
        chosen = [index for index in range(len(request.items)) if random.random() < self._settings.share]
        if not chosen:
            return
        lines = [
            orjson.dumps(
                {
                    "time": time.time(),
                    "request_id": response.request_id,
                    "run": request.run,
                    "item": request.items[index].model_dump(mode="json", exclude_defaults=True),
                    "result": response.results[index],
                },
                option=orjson.OPT_APPEND_NEWLINE,
            )
            for index in chosen
        ]
        try:
            self._append(b"".join(lines))
        except OSError as error:
            LOST.inc(len(chosen))
            log.warning("audit_lost", reason=error.strerror)
        else:
            SAMPLED.inc(len(chosen))

    def _append(self, data: bytes) -> None:
        file = self._settings.file
        if file.exists() and file.stat().st_size + len(data) > self._settings.max_bytes:
            file.replace(file.with_name(file.name + ".1"))
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab") as sink:
            sink.write(data[: self._settings.max_bytes])
