"""Warm jails, kept in number: made and replaced in the background, lent to one run at a time.

Invariants:
- A jail runs nothing after it has failed to prove itself empty: it is replaced.
- A fault of the jail is judged as the item's only if the item brings down a fresh jail too, alone, while a
  control program passes in another; a fault of the machine never is.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from sandbox.channel import JailLost, JailWasDead, Job, Report, Run
from sandbox.errors import SandboxUnavailable
from sandbox.runtimes import Jail, Runtime, RuntimeUnavailable
from sandbox.schema import STARTING, Limits

log = structlog.get_logger()

FIRST_RETRY_S, LONGEST_RETRY_S = 0.5, 15.0
LOOK_AGAIN_S = 0.5
CONTROL = Job("program", b"print(sum(range(10)))", Limits(), tests=1)
CONTROL_OUTPUT = b"45\n"


class Alone:
    """Any number of ordinary runs at once, or one lonely one."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._ordinary = 0
        self._lonely = False

    @contextlib.asynccontextmanager
    async def among_others(self) -> AsyncIterator[None]:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._lonely)
            self._ordinary += 1
        try:
            yield
        finally:
            async with self._changed:
                self._ordinary -= 1
                self._changed.notify_all()

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._lonely)
            self._lonely = True
            try:
                await self._changed.wait_for(lambda: not self._ordinary)
            except BaseException:
                self._lonely = False
                self._changed.notify_all()
                raise
        try:
            yield
        finally:
            async with self._changed:
                self._lonely = False
                self._changed.notify_all()


class Slots:
    """A pool of jails of one runtime, and the way to run something in them."""

    def __init__(self, runtime: Runtime, size: int) -> None:
        self.runtime = runtime
        self.size = size
        self.reason: str | None = STARTING
        """Why there is no jail; None once there was one, until making one fails."""
        self.replaced = 0
        self._free: asyncio.Queue[Jail] = asyncio.Queue()
        self._alone = Alone()
        self._preparing = asyncio.Lock()
        self._keepers: list[asyncio.Task[None]] = []
        self._live: set[Jail] = set()
        self._broken: dict[Jail, asyncio.Event] = {}

    async def open(self) -> None:
        """Start making jails, in the background."""
        self._keepers = [asyncio.create_task(self._keep()) for _ in range(self.size)]

    async def close(self) -> None:
        """Stop, and remove every jail."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await self.runtime.close()

    @property
    def live(self) -> list[Jail]:
        """The jails there are now."""
        return list(self._live)

    @property
    def free(self) -> int:
        """How many of them run nothing."""
        return self._free.qsize()

    async def run(self, job: Job) -> Run:
        """Run a job. Raises SandboxUnavailable where we could not."""
        try:
            async with self._alone.among_others():
                run = await self._in_slot(job)
        except JailLost:
            return await self._settle_loss(job)
        if not run.report.starved:
            return run
        log.info("run repeated alone", reason="it got too little CPU")
        run = await self._fresh(job)
        if run.report.starved:
            raise SandboxUnavailable("starved", "the machine is too busy to judge this program; retry later")
        return run

    async def _in_slot(self, job: Job) -> Run:
        for _ in range(self.size + 1):
            jail = await self._take()
            reusable = False
            try:
                run = await self._run_in(jail, job)
                reusable = run.report.clean
                return run
            except JailWasDead:
                continue
            except JailLost:
                if await jail.was_out_of_memory():
                    return _out_of_memory()
                raise
            finally:  # a cancelled run goes on in there: such a jail is not reused either
                if reusable:
                    self._free.put_nowait(jail)
                else:
                    self._replace(jail)
        raise SandboxUnavailable("sandbox_unavailable", "every jail was found dead; new ones are being made")

    async def _take(self) -> Jail:
        """Wait for a free jail, for as long as there are any or one is being made."""
        taken = asyncio.ensure_future(self._free.get())
        try:
            while not (await asyncio.wait([taken], timeout=LOOK_AGAIN_S))[0]:
                if not self._live and self.reason not in (None, STARTING):
                    raise SandboxUnavailable("sandbox_unavailable", self.reason)
            return taken.result()
        except BaseException:
            if not taken.cancel():
                self._free.put_nowait(taken.result())
            raise

    async def _run_in(self, jail: Jail, job: Job) -> Run:
        if jail.memory_mb != job.limits.memory_mb:
            try:
                await jail.set_memory(job.limits.memory_mb)
            except RuntimeUnavailable as error:
                raise JailWasDead(str(error)) from None
        return await jail.channel.run(job)

    def _replace(self, jail: Jail) -> None:
        if jail in self._broken:
            self._broken[jail].set()

    async def _settle_loss(self, job: Job) -> Run:
        """The item once more, alone in a fresh jail: does it bring that down too, and only it?"""
        log.warning("jail lost", kind=job.kind)
        try:
            return await self._fresh(job)
        except JailLost:
            pass
        try:
            control = await self._fresh(CONTROL)
        except JailLost as error:
            raise SandboxUnavailable("sandbox_unavailable", f"jails do not last: {error}") from None
        if control.stdout != CONTROL_OUTPUT:
            raise SandboxUnavailable("sandbox_unavailable", "a control program fails in a fresh jail")
        log.warning("item judged", reason="it brought two jails down, and a control program none")
        return _brought_down()

    async def _fresh(self, job: Job) -> Run:
        """Run alone on the machine, in a jail of its own. Raises JailLost."""
        async with self._alone.alone():
            try:
                jail = await self.runtime.create()
            except RuntimeUnavailable as error:
                raise SandboxUnavailable("sandbox_unavailable", str(error)) from None
            try:
                return await self._run_in(jail, job)
            except JailLost:
                if await jail.was_out_of_memory():
                    return _out_of_memory()
                raise
            finally:
                await jail.destroy()

    async def _keep(self) -> None:
        """Keep one slot filled for ever."""
        wait = FIRST_RETRY_S
        while True:
            try:
                async with self._preparing:
                    if self.reason is not None:
                        await self.runtime.prepare()
                jail = await self.runtime.create()
            except RuntimeUnavailable as error:
                self.reason = str(error)
                log.warning("no jail", reason=self.reason, retry_s=wait)
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_RETRY_S)
                continue
            wait = FIRST_RETRY_S
            self.reason = None
            await self._mind(jail)

    async def _mind(self, jail: Jail) -> None:
        """Lend `jail` out until it breaks, then remove it."""
        broken = self._broken[jail] = asyncio.Event()
        self._live.add(jail)
        self._free.put_nowait(jail)
        try:
            await broken.wait()
            self.replaced += 1
        finally:
            self._live.discard(jail)
            del self._broken[jail]
            await jail.destroy()


def _judged(oom_kills: int) -> Run:
    report = Report(
        status=None,
        stopped=None,
        starved=False,
        cpu_ms=0.0,
        wall_ms=0.0,
        memory_kb=0,
        oom_kills=oom_kills,
        clean=False,
    )
    return Run(report, b"", b"", b"", output_exceeded=False)


def _out_of_memory() -> Run:
    return _judged(oom_kills=1)


def _brought_down() -> Run:
    return _judged(oom_kills=0)
