"""Running the service: settings in, uvicorn until SIGTERM, exit 0 when drained."""

from __future__ import annotations

import resource
import signal
from contextlib import ExitStack

import uvicorn

from verifier.engine import EngineSettings
from verifier.logs import configure_logging
from verifier.pool import PoolLimits
from verifier.rewards.math.versions import check_versions
from verifier.rewards.registry import load_plugins
from verifier.service.app import ServiceSettings, create_app
from verifier.service.audit import AuditSettings
from verifier.service.connection import ConnectionLimits, guarded
from verifier.service.keys import KeyLimits, KeyRing
from verifier.settings import ServeSettings, read_api_keys

KEEP_ALIVE_S = 75
"""Longer than clients and proxies keep an idle connection: they must not meet one just closed."""

_HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
]
"""On every answer: nothing here is to be framed, guessed at, or kept by a proxy."""


def serve(settings: ServeSettings) -> None:
    """Serve until told to stop.

    Raises:
        ValueError, OSError: the settings cannot be used; the message says why.
    """
    if refusal := settings.refuse_open_door():
        raise ValueError(refusal)
    check_versions()
    load_plugins(settings.plugins)
    _raise_open_files()
    configure_logging(settings.log_format)
    with ExitStack() as stack:
        redis_url = settings.redis_url
        if redis_url == "embedded":
            from trainer_client.embedded import EmbeddedRedis

            redis_url = stack.enter_context(EmbeddedRedis()).url
        keys = KeyRing(settings.api_key_file) if settings.api_key_file else None
        app = create_app(_engine_settings(settings), _service_settings(settings, redis_url, keys))
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http=guarded(ConnectionLimits(settings.max_connections, settings.receive_timeout_s)),
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            headers=_HEADERS,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=settings.grace_s,
        )
        server = uvicorn.Server(config)
        if keys is not None:
            signal.signal(signal.SIGHUP, lambda *_: keys.reload())
        # uvicorn drains on these and then raises them once more; a drained service has ended well.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        server.run()
    if not server.started:
        raise OSError("the server could not start; the log above says why")


def _raise_open_files() -> None:
    """A connection is a file; the usual soft limit of 1,024 is for programs that call select()."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _service_settings(settings: ServeSettings, redis_url: str, keys: KeyRing | None) -> ServiceSettings:
    return ServiceSettings(
        redis_url=redis_url,
        keys=keys,
        key_limits=KeyLimits(settings.requests_per_s_per_key, settings.requests_at_once_per_key),
        max_items_in_flight=settings.max_items_in_flight,
        max_held_bytes=settings.max_held_mb << 20,
        receive_s=settings.receive_timeout_s,
        job_result_ttl_s=settings.job_result_ttl_s,
        audit=_audit_settings(settings),
    )


def _audit_settings(settings: ServeSettings) -> AuditSettings | None:
    if settings.audit_file is None:
        return None
    return AuditSettings(settings.audit_file, settings.audit_share, settings.audit_max_mb << 20)


def _engine_settings(settings: ServeSettings) -> EngineSettings:
    sandbox_keys = read_api_keys(settings.sandbox_api_key_file) if settings.sandbox_api_key_file else ()
    return EngineSettings(
        sandbox=settings.sandbox,
        sandbox_api_key=sandbox_keys[0] if sandbox_keys else None,
        judge=settings.judge(),
        plugins=settings.plugins,
        limits=PoolLimits(processes=settings.scoring_processes),
    )
