"""Exits with 0 while Redis hears from a worker of this container, named after its host by the supervisor."""

import os
import socket
import sys

from redis import Redis

redis = Redis.from_url(os.environ["VERIFIER_REDIS_URL"], decode_responses=True)
ours = f"rq:worker:{socket.gethostname()}-"
workers = [name for name in redis.smembers("rq:workers:score") if name.startswith(ours)]
sys.exit(0 if any(redis.exists(name) for name in workers) else "no worker of this container is registered")
