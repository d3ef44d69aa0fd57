"""Where jails come from. A runtime makes them, one at a time, and leaves none behind."""

from typing import Literal, Protocol

from sandbox.channel import Channel, Hello

RuntimeName = Literal["docker", "local"]


class RuntimeUnavailable(Exception):
    """This runtime cannot make jails here; the message says why and what to do."""


class Jail(Protocol):
    """One warm jail."""

    channel: Channel
    hello: Hello
    memory_mb: int
    """The cap on the memory of all its processes, MiB."""

    async def set_memory(self, memory_mb: int) -> None:
        """Change the cap. Raises RuntimeUnavailable."""
        ...

    async def was_out_of_memory(self) -> bool:
        """Whether the jail, now lost, was brought down by lack of memory."""
        ...

    async def destroy(self) -> None:
        """Remove the jail with everything in it. Never raises."""
        ...


class Runtime(Protocol):
    """A maker of jails."""

    @property
    def name(self) -> RuntimeName:
        """Which one it is."""
        ...

    @property
    def total_memory_cap(self) -> bool:
        """Whether memory is capped over all processes of a run."""
        ...

    @property
    def separate_uids(self) -> bool:
        """Whether every process of a run has a user of its own."""
        ...

    async def prepare(self) -> None:
        """Check that jails can be made and remove what earlier services left. Raises RuntimeUnavailable."""
        ...

    async def create(self) -> Jail:
        """Make a jail. Raises RuntimeUnavailable."""
        ...

    async def close(self) -> None:
        """Remove every jail this runtime made."""
        ...
