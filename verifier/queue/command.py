"""What ``verifier worker`` does: opens what the workers share, then supervises them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import redis
import structlog

from sandbox.client import open_sandbox
from trainer_client.embedded import EmbeddedRedis
from verifier.queue.settings import ProcessSettings
from verifier.queue.supervisor import Supervisor
from verifier.rewards.math.versions import check_versions
from verifier.rewards.registry import load_plugins
from verifier.settings import WorkerSettings, read_api_keys

OWN_SANDBOX = ("auto", "docker", "local")

log = structlog.get_logger(__name__)


async def run(settings: WorkerSettings) -> None:
    """Works until SIGTERM or SIGINT.

    Raises:
        ConnectionError: Redis does not answer.
        OSError: a key file cannot be read.
        ValueError: a key file holds no key, or the judge is configured by half.
        EmbeddedRedisError: there is no redis-server to embed.
        PluginUnusable: a plugin defines no reward type, or one whose name is taken.
        WrongVersions: the installed libraries are not those that mathematics is scored with.
    """
    check_versions()
    load_plugins(settings.plugins)  # what is wrong with one shows here, not in every worker
    key_file = settings.sandbox_api_key_file
    api_key = read_api_keys(key_file)[0] if key_file else None
    with _redis(settings.redis_url) as redis_url:
        async with _sandbox(settings.sandbox, api_key) as sandbox:
            workers = ProcessSettings(
                redis_url=redis_url,
                queue=settings.queue,
                name="",
                sandbox=sandbox,
                sandbox_api_key=api_key,
                scoring_processes=settings.scoring_processes,
                plugins=tuple(str(file.resolve()) for file in settings.plugins),
                log_format=settings.log_format,
                judge=settings.judge(),
            )
            await Supervisor(workers, processes=settings.processes, grace_s=settings.grace_s).run()


@contextmanager
def _redis(url: str) -> Iterator[str]:
    """The URL of a Redis that answers; ``embedded`` starts one of our own."""
    if url == "embedded":
        with EmbeddedRedis() as server:
            log.info("embedded_redis", url=server.url)
            yield server.url
        return
    with redis.Redis.from_url(url) as client:
        try:
            client.ping()
        except redis.RedisError as error:
            message = f"Redis does not answer: {error}; see --redis-url (embedded starts one)"
            raise ConnectionError(message) from None
    yield url


@asynccontextmanager
async def _sandbox(target: str, api_key: str | None) -> AsyncIterator[str]:
    """Where the workers find the sandbox; one of our own is opened once, for all of them."""
    if target not in OWN_SANDBOX:
        yield target
        return
    async with open_sandbox(target, api_key=api_key) as sandbox:
        yield ",".join(sandbox.urls) or "none"
