"""The first runtime that works here: Docker, else local."""

from collections.abc import Sequence

from sandbox.runtimes import Jail, Runtime, RuntimeName, RuntimeUnavailable


class AutoRuntime:
    """Tries runtimes in order until one is prepared, and stays with that."""

    def __init__(self, candidates: Sequence[Runtime]) -> None:
        self._candidates = candidates
        self._chosen: Runtime | None = None

    @property
    def _runtime(self) -> Runtime:
        return self._chosen or self._candidates[0]

    @property
    def name(self) -> RuntimeName:
        """The chosen one's."""
        return self._runtime.name

    @property
    def total_memory_cap(self) -> bool:
        """The chosen one's."""
        return self._runtime.total_memory_cap

    @property
    def separate_uids(self) -> bool:
        """The chosen one's."""
        return self._runtime.separate_uids

    async def prepare(self) -> None:
        """Choose. Raises RuntimeUnavailable with every runtime's reason."""
        if self._chosen:
            await self._chosen.prepare()
            return
        reasons = []
        for candidate in self._candidates:
            try:
                await candidate.prepare()
            except RuntimeUnavailable as error:
                reasons.append(f"{candidate.name}: {error}")
            else:
                self._chosen = candidate
                return
        raise RuntimeUnavailable("no way to jail programs here. " + "; ".join(reasons))

    async def create(self) -> Jail:
        """A jail of the chosen runtime."""
        return await self._runtime.create()

    async def close(self) -> None:
        """Close all of them."""
        for candidate in self._candidates:
            await candidate.close()
