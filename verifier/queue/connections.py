"""A worker's two ways to talk to Redis."""

from __future__ import annotations

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.retry import Retry

OUTAGE_RETRIES = 25
"""With pauses of up to 2 s: long enough for Redis to restart, so that a finished job need not run again."""
BRISK_S = 3.0


def patient_connection(url: str) -> Redis:
    """For jobs and results: waits out a restart of Redis. RQ sets how long it waits for an answer."""
    retry = Retry(ExponentialWithJitterBackoff(cap=2.0, base=0.1), OUTAGE_RETRIES)
    return Redis.from_url(url, protocol=2, retry=retry)


def brisk_connection(url: str) -> Redis:
    """For heartbeats: raises `redis.RedisError` soon, since a late heartbeat is none."""
    return Redis.from_url(
        url,
        protocol=2,
        socket_timeout=BRISK_S,
        socket_connect_timeout=BRISK_S,
        retry=Retry(NoBackoff(), 0),
    )
