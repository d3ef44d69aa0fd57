"""What remote rewards reach the world through; opened by the engine, once."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.client import SandboxClient


@dataclass(frozen=True, slots=True)
class Services:
    """The services that an engine was opened with."""

    sandbox: SandboxClient
