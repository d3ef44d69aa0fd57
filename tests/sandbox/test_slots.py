"""Jails that are lost: an item is judged only for what it did itself."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from docker.client import DockerClient

from sandbox.channel import Channel, Hello, JailLost, Job, Report, Run
from sandbox.errors import SandboxUnavailable
from sandbox.runtimes import RuntimeName, RuntimeUnavailable
from sandbox.runtimes.docker import LABEL, DockerRuntime
from sandbox.schema import Limits
from sandbox.slots import CONTROL, CONTROL_OUTPUT, Slots
from tests.sandbox.conftest import jail_image

POISON, PROGRAM = Job("program", b"poison", Limits()), Job("program", b"print(1)", Limits())


class FakeChannel(Channel):
    """Runs nothing: poison brings its jail down, the control program passes, a starved one is starved."""

    def __init__(self, runtime: "FakeRuntime") -> None:
        self._runtime = runtime

    async def run(self, job: Job) -> Run:
        self._runtime.runs += 1
        if job is POISON or self._runtime.all_die:
            raise JailLost("gone")
        starved = self._runtime.starved > 0
        self._runtime.starved -= starved
        report = Report(0, "wall" if starved else None, starved, 1.0, 1.0, 1000, 0, True)
        return Run(report, CONTROL_OUTPUT if job is CONTROL else b"1\n", b"", b"", False)


class FakeJail:
    def __init__(self, runtime: "FakeRuntime") -> None:
        self.runtime = runtime
        self.channel: Channel = FakeChannel(runtime)
        self.hello = Hello("digest", "3.11", True, True)
        self.memory_mb = 512

    async def set_memory(self, memory_mb: int) -> None:
        self.memory_mb = memory_mb

    async def was_out_of_memory(self) -> bool:
        return self.runtime.out_of_memory

    async def destroy(self) -> None:
        self.runtime.jails -= 1


class FakeRuntime:
    name: RuntimeName = "local"
    total_memory_cap = separate_uids = True

    def __init__(self) -> None:
        self.jails = self.made = self.runs = self.starved = 0
        self.all_die = self.out_of_memory = False
        self.reason = ""

    async def prepare(self) -> None: ...

    async def create(self) -> FakeJail:
        if self.reason:
            raise RuntimeUnavailable(self.reason)
        self.jails += 1
        self.made += 1
        return FakeJail(self)

    async def close(self) -> None: ...


def run(runtime: Any, *jobs: Job) -> list[Run]:
    async def all_of_them() -> list[Run]:
        slots = Slots(runtime, 2)
        await slots.open()
        try:
            return [await slots.run(job) for job in jobs]
        finally:
            await slots.close()

    return asyncio.run(all_of_them())


def test_an_item_that_brings_down_two_jails_while_a_control_passes_is_judged() -> None:
    runtime = FakeRuntime()
    judged, after = run(runtime, POISON, PROGRAM)
    assert (judged.report.status, judged.report.oom_kills) == (None, 0)
    assert after.stdout == b"1\n"
    assert runtime.jails == 0


def test_a_jail_lost_for_lack_of_memory_is_judged_at_once() -> None:
    runtime = FakeRuntime()
    runtime.out_of_memory = True
    (judged,) = run(runtime, POISON)
    assert judged.report.oom_kills == 1
    assert runtime.runs == 1


def test_where_the_control_fails_too_nothing_is_judged() -> None:
    runtime = FakeRuntime()
    runtime.all_die = True
    with pytest.raises(SandboxUnavailable, match="jails do not last"):
        run(runtime, PROGRAM)
    assert runtime.jails == 0


def test_a_starved_run_is_repeated_once_and_then_left_unjudged() -> None:
    runtime = FakeRuntime()
    runtime.starved = 1
    assert run(runtime, PROGRAM)[0].stdout == b"1\n"
    runtime.starved = 2
    with pytest.raises(SandboxUnavailable, match="too busy") as error:
        run(runtime, PROGRAM)
    assert error.value.code == "starved"


def test_without_a_runtime_the_reason_is_given_at_once() -> None:
    runtime = FakeRuntime()
    runtime.reason = "start the daemon"
    with pytest.raises(SandboxUnavailable, match="start the daemon"):
        run(runtime, PROGRAM)


@pytest.fixture
def docker_client() -> Iterator[DockerClient]:
    jail_image()
    client = DockerClient.from_env()
    yield client
    client.close()


@pytest.mark.docker
def test_a_container_removed_in_the_middle_of_a_run_costs_only_time(docker_client: DockerClient) -> None:
    runtime = DockerRuntime()
    slow = Job("program", b"import time; time.sleep(2); print('done')", Limits())

    async def kill_and_run() -> tuple[Run, Run]:
        slots = Slots(runtime, 1)
        await slots.open()
        try:
            await slots.run(PROGRAM)
            running = asyncio.create_task(slots.run(slow))
            await asyncio.sleep(0.5)
            await asyncio.to_thread(kill_jails, docker_client, runtime)
            return await running, await slots.run(PROGRAM)
        finally:
            await slots.close()

    repeated, after = asyncio.run(kill_and_run())
    assert (repeated.stdout, after.stdout) == (b"done\n", b"1\n")
    assert jails(docker_client, runtime) == []


@pytest.mark.docker
def test_what_a_killed_service_left_is_reaped_by_the_next(docker_client: DockerClient) -> None:
    async def leave_one() -> DockerRuntime:
        runtime = DockerRuntime()
        await runtime.prepare()
        jail = await runtime.create()
        jail.channel.close()  # all that is left of a killed service: agents whose host has hung up
        await asyncio.to_thread(jail._container.wait, timeout=30)
        return runtime

    killed = asyncio.run(leave_one())
    assert len(jails(docker_client, killed)) == 1
    run(DockerRuntime(), PROGRAM)
    assert jails(docker_client, killed) == []
    asyncio.run(killed.close())


@pytest.mark.docker
def test_a_service_that_stops_while_it_starts_leaves_no_container(docker_client: DockerClient) -> None:
    async def start_and_stop(seconds: float) -> DockerRuntime:
        runtime = DockerRuntime()
        slots = Slots(runtime, 2)
        await slots.open()
        await asyncio.sleep(seconds)
        await slots.close()
        return runtime

    for seconds in (0.05, 0.15, 0.3, 0.6):
        assert jails(docker_client, asyncio.run(start_and_stop(seconds))) == []


def jails(client: DockerClient, runtime: DockerRuntime) -> list[Any]:
    label = f"{LABEL}={runtime._service}"
    containers: list[Any] = client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
    return containers


def kill_jails(client: DockerClient, runtime: DockerRuntime) -> None:
    for container in jails(client, runtime):
        container.kill()
