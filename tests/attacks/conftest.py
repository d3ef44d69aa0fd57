"""The sandboxes under attack are those of the sandbox's own tests."""

from tests.sandbox.conftest import sandbox

__all__ = ["sandbox"]
