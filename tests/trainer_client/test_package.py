"""What the package exports, and what it must not drag in."""

from __future__ import annotations

import subprocess
import sys

import trainer_client

EXPORTS = [
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


def test_exports_are_deliberate() -> None:
    assert sorted(trainer_client.__all__) == EXPORTS


def test_imports_nothing_heavy_and_nothing_of_the_service() -> None:
    program = "import sys, trainer_client; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"verifier", "sandbox", "pydantic", "torch", "numpy", "sympy"} & set(loaded.stdout.split())


def test_both_clients_are_verifiers() -> None:
    http: type[trainer_client.Verifier] = trainer_client.HttpVerifier
    queue: type[trainer_client.Verifier] = trainer_client.QueueVerifier
    for method in ("submit", "score", "score_async", "close", "__enter__", "__exit__"):
        assert callable(getattr(http, method)) and callable(getattr(queue, method))
