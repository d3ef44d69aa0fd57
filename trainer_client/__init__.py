"""The client for any trainer: scores over HTTP or through a Redis queue.

    with QueueVerifier("redis://localhost:6379") as verifier:
        future = verifier.submit({"rewards": [{"type": "math"}], "items": [...]})
        rewards = [result["reward"] for result in future.result()["results"]]

`HttpVerifier` and `QueueVerifier` are the same `Verifier`. A reward of ``None`` means that the item could not
be judged: mask it. The private Redis of tests and single-machine runs is
`trainer_client.embedded.EmbeddedRedis`.
"""

from trainer_client.errors import EmbeddedRedisError, RequestRejected, VerifierClosed, VerifierError
from trainer_client.http import HttpVerifier
from trainer_client.protocol import Verifier
from trainer_client.queue import QueueVerifier
from trainer_client.wire import Item, ItemResult, ScoreRequest, ScoreResponse

__all__ = [
    "EmbeddedRedisError",
    "HttpVerifier",
    "Item",
    "ItemResult",
    "QueueVerifier",
    "RequestRejected",
    "ScoreRequest",
    "ScoreResponse",
    "Verifier",
    "VerifierClosed",
    "VerifierError",
]
