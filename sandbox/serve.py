"""The process of a sandbox service: uvicorn, until it is told to stop or nobody is left to serve."""

import logging
import os
import shutil
import signal
import threading
from pathlib import Path

import structlog
import uvicorn

from sandbox.server import create_app
from sandbox.settings import Settings

GRACE_S = 25
KEEP_ALIVE_S = 75  # longer than the client keeps an idle connection: it must not meet a closed one


def serve(settings: Settings, host: str, port: int, uds: Path | None, *, until_eof: bool) -> None:
    """Serve until SIGTERM or SIGINT, or until stdin ends; then finish what runs and remove every jail."""
    configure_logs()
    config = uvicorn.Config(
        create_app(settings),
        host=host,
        port=port,
        uds=str(uds) if uds else None,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    server = uvicorn.Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again once it has drained
        signal.signal(number, lambda *_: None)
    orphaned = threading.Event()
    if until_eof:
        threading.Thread(target=_stop_at_eof, args=(server, orphaned), daemon=True).start()
    server.run()
    if orphaned.is_set() and uds:
        shutil.rmtree(uds.parent, ignore_errors=True)


def _stop_at_eof(server: uvicorn.Server, orphaned: threading.Event) -> None:
    """Whoever started this process holds the other end of its stdin, and so cannot die unnoticed.

    The directory of the socket was made for this process, and goes with it.
    """
    while os.read(0, 4096):
        pass
    orphaned.set()
    server.config.timeout_graceful_shutdown = 1
    server.should_exit = True


def configure_logs() -> None:
    """One JSON object a line on stderr; programs, tests and keys are never logged."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=open(2, "w", closefd=False)),  # noqa: SIM115
    )
