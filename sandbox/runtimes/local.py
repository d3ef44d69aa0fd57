"""Jails of kernel namespaces, without Docker."""

from sandbox.runtimes import Jail, RuntimeName, RuntimeUnavailable


class LocalRuntime:
    """Placeholder until the next commit."""

    name: RuntimeName = "local"
    total_memory_cap = False
    separate_uids = False

    async def prepare(self) -> None:
        raise RuntimeUnavailable("not built yet")

    async def create(self) -> Jail:
        raise RuntimeUnavailable("not built yet")

    async def close(self) -> None: ...
