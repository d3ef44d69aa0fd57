"""What remote rewards reach the world through; opened by the engine, once."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.client import SandboxClient
from verifier.chat import ChatClient


@dataclass(frozen=True, slots=True)
class Services:
    """The services that an engine was opened with."""

    sandbox: SandboxClient
    judge: ChatClient | None = None
    """The model of the reward ``judge``; None where the operator configured none."""
