"""The pool judges what the completion brought about, and never makes a score out of a fault of ours."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from verifier.errors import ErrorCode, ItemFaulted, ItemInvalid
from verifier.pool import Judgement, Pool, PoolLimits, Task
from verifier.rewards.base import Sample, Score
from verifier.schema import Verdict

PLUGIN = Path(__file__).parents[2] / "plugins" / "hostile.py"
HOSTILE = b'{"type":"hostile"}'


@asynccontextmanager
async def a_pool(**limits: float) -> AsyncIterator[Pool]:
    quick = {"processes": 2, "cpu_s": 0.5, "wall_s": 20.0, "memory_mb": 2048}
    pool = Pool(PoolLimits(**{**quick, **limits}), [PLUGIN])  # type: ignore[arg-type]
    await pool.start()
    try:
        yield pool
    finally:
        await pool.stop()


async def judge(pool: Pool, completions: Sequence[str], spec: bytes = HOSTILE) -> list[Judgement]:
    found: dict[int, Judgement] = {}
    tasks = [Task(spec, Sample(completion)) for completion in completions]
    await pool.run(tasks, found.__setitem__)
    return [found[index] for index in range(len(tasks))]


def scores(judgements: Sequence[Judgement]) -> list[tuple[float, Verdict] | ErrorCode]:
    return [
        (judged.outcome.value, judged.outcome.verdict)
        if isinstance(judged.outcome, Score)
        else judged.outcome.code
        for judged in judgements
    ]


FINE = (1.0, Verdict.SCORED)


@pytest.mark.parametrize(
    ("completion", "judged"),
    [
        ("spin", (0.0, Verdict.TIMEOUT)),
        ("hog", (0.0, Verdict.MEMORY_LIMIT)),
        ("crash", (0.0, Verdict.RUNTIME_ERROR)),
        ("recurse", (0.0, Verdict.RUNTIME_ERROR)),
        ("raise", ErrorCode.INTERNAL),
    ],
)
def test_an_item_that_breaks_its_worker_is_judged_and_a_defect_is_ours_and_neighbours_are_not_hit(
    completion: str, judged: tuple[float, Verdict] | ErrorCode
) -> None:
    async def run() -> list[Judgement]:
        async with a_pool() as pool:
            return await judge(pool, ["a", completion, *"bcdefgh", completion, "i"])

    found = scores(asyncio.run(run()))
    assert found == [FINE, judged, *[FINE] * 7, judged, FINE]


def test_a_standstill_without_cpu_is_repeated_once_and_is_then_a_fault_of_ours() -> None:
    async def run() -> tuple[list[Judgement], int]:
        async with a_pool(wall_s=0.5) as pool:
            return await judge(pool, ["a", "sleep", "b"]), pool.counts.repeats

    found, repeats = asyncio.run(run())
    assert scores(found) == [FINE, ErrorCode.WORKER_STALLED, FINE]
    assert repeats == 1


def test_an_unusable_reference_comes_back_as_invalid() -> None:
    async def run() -> list[Judgement]:
        async with a_pool() as pool:
            return await judge(pool, ["\\boxed{1}"], b'{"type":"math"}')

    (found,) = asyncio.run(run())
    assert isinstance(found.outcome, ItemInvalid)
    assert found.outcome.code is ErrorCode.MISSING_REFERENCE


def test_workers_are_reused_and_every_item_of_a_large_batch_is_judged_once() -> None:
    async def run() -> tuple[list[Judgement], int]:
        async with a_pool() as pool:
            return await judge(pool, ["pid"] * 3000), pool.counts.workers_started

    found, started = asyncio.run(run())
    assert len(found) == 3000
    pids = {judged.outcome.value for judged in found if isinstance(judged.outcome, Score)}
    assert len(pids) == started <= 2


def test_a_small_batch_does_not_wait_behind_a_huge_one() -> None:
    async def run() -> bool:
        async with a_pool(processes=1) as pool:
            huge = asyncio.create_task(judge(pool, ["a"] * 50_000))
            await asyncio.sleep(0)
            await judge(pool, ["b"])
            waited_for_all = huge.done()
            huge.cancel()
            return waited_for_all

    assert asyncio.run(run()) is False


def test_a_cancelled_batch_leaves_the_pool_usable() -> None:
    async def run() -> list[Judgement]:
        async with a_pool(processes=1, cpu_s=30.0) as pool:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await judge(pool, ["spin"] * 3)
            assert pool.counts.waiting == 0
            return await judge(pool, ["a", "b"])

    assert scores(asyncio.run(run())) == [FINE, FINE]


def test_a_killed_zygote_is_replaced() -> None:
    async def run() -> list[Judgement]:
        async with a_pool(processes=1) as pool:
            (parent,) = await judge(pool, ["spawned-by"])
            assert isinstance(parent.outcome, Score)
            os.kill(int(parent.outcome.value), 9)
            return await judge(pool, ["a", "b"])

    assert scores(asyncio.run(run())) == [FINE, FINE]


def test_a_pool_that_cannot_fork_faults_its_items(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> list[Judgement]:
        async with a_pool(processes=1) as pool:
            monkeypatch.setattr("sys.executable", "/nonexistent/python")
            pool._zygote.stop()
            return await judge(pool, ["crash"])

    (found,) = asyncio.run(run())
    assert isinstance(found.outcome, ItemFaulted)
    assert found.outcome.code is ErrorCode.WORKER_LOST


def test_no_secret_of_the_service_is_in_a_workers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_SECRET", "s3cr3t")

    async def run() -> list[Judgement]:
        async with a_pool(processes=1) as pool:
            return await judge(pool, ["environment"])

    (found,) = asyncio.run(run())
    assert isinstance(found.outcome, Score)
    assert "s3cr3t" not in str(found.outcome.detail)


def _has_landlock() -> bool:
    lsm = Path("/sys/kernel/security/lsm")
    return not lsm.exists() or "landlock" in lsm.read_text()


@pytest.mark.skipif(not _has_landlock(), reason="this kernel has no Landlock")
@pytest.mark.parametrize("attempt", ["write", "execute"])
def test_a_worker_cannot_write_files_or_execute_programs(attempt: str, tmp_path: Path) -> None:
    async def run() -> list[Judgement]:
        async with a_pool(processes=1) as pool:
            return await judge(pool, [f"{attempt} {tmp_path / 'file'}"])

    (found,) = asyncio.run(run())
    assert isinstance(found.outcome, Score)
    assert found.outcome.detail == {"refused": "PermissionError"}
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_behind() -> None:
    async def run() -> int:
        async with a_pool() as pool:
            (parent,) = await judge(pool, ["spawned-by"])
            assert isinstance(parent.outcome, Score)
            return int(parent.outcome.value)

    zygote = asyncio.run(run())
    assert not Path(f"/proc/{zygote}").exists()
