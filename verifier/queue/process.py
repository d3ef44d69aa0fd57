"""A worker process: ``python -m verifier.queue.process``, with its settings as JSON on standard input."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import verifier.jobs  # noqa: F401 - a defect there must show when a worker starts, not in a job
from verifier.engine import EngineSettings, open_engine
from verifier.logs import configure_logging
from verifier.pool import PoolLimits
from verifier.queue import runtime
from verifier.queue.settings import ProcessSettings
from verifier.queue.worker import ScoreWorker

PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """The kernel kills this process when its supervisor dies, by whatever signal."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the supervisor is gone")


def engine_for(settings: ProcessSettings) -> AbstractAsyncContextManager[runtime.Scorer]:
    """The engine that these settings ask for, not yet opened."""
    return open_engine(
        EngineSettings(
            sandbox=settings.sandbox,
            sandbox_api_key=settings.sandbox_api_key,
            judge=settings.judge,
            plugins=tuple(Path(file) for file in settings.plugins),
            limits=PoolLimits(processes=settings.scoring_processes),
        )
    )


def work(settings: ProcessSettings, engine: AbstractAsyncContextManager[runtime.Scorer]) -> None:
    """Serves the queue until SIGTERM or SIGINT."""
    with runtime.running(engine):
        ScoreWorker(settings.queue, settings.redis_url, settings.name).work(logging_level="WARNING")


def main() -> None:
    """Reads the settings and works."""
    die_with(int(sys.argv[1]))
    settings = ProcessSettings.from_json(sys.stdin.buffer.read())
    configure_logging(settings.log_format)
    work(settings, engine_for(settings))


if __name__ == "__main__":
    main()
