"""The sandboxes under attack."""

from collections.abc import Iterator

import pytest

from tests.sandbox.conftest import Sandbox, sandbox_of

RUNTIMES = [
    pytest.param("docker", marks=pytest.mark.docker),
    "local",
    pytest.param("unprivileged", marks=pytest.mark.slow),
]


@pytest.fixture(scope="session", params=RUNTIMES)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """One sandbox of each runtime."""
    with sandbox_of(request.param) as sandbox:
        yield sandbox
