"""Finding the item that brings workers down: a model of deaths, without processes."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from verifier.queue.job import RETRIES, RETRIES_A_HALVING
from verifier.queue.parts import MAX_BLAMES, MAX_DEATHS, Part, Progress, score_in_parts, units_of
from verifier.schema import Item, ItemResult, Status


class Death(BaseException):
    """The worker is gone."""


class FakeRedis:
    """The few commands that `Progress` uses, in memory; `pipeline` is its own."""

    def __init__(self) -> None:
        self.hashes: dict[str, dict[bytes, bytes]] = {}

    def hgetall(self, key: str) -> dict[bytes, bytes]:
        return dict(self.hashes.get(key, {}))

    def hset(self, key: str, mapping: dict[str, bytes]) -> None:
        self.hashes.setdefault(key, {}).update({name.encode(): value for name, value in mapping.items()})

    def hincrby(self, key: str, name: str, amount: int) -> None:
        fields = self.hashes.setdefault(key, {})
        fields[name.encode()] = str(int(fields.get(name.encode(), 0)) + amount).encode()

    def hdel(self, key: str, name: str) -> None:
        self.hashes[key].pop(name.encode(), None)

    def unlink(self, key: str) -> None:
        self.hashes.pop(key, None)

    def expire(self, key: str, seconds: int) -> None:
        assert seconds > 0

    def execute(self) -> None:
        """Every command has been carried out already."""

    def pipeline(self) -> FakeRedis:
        return self

    def __enter__(self) -> FakeRedis:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to release."""


def items(groups: list[str | None]) -> list[Item]:
    return [Item(completion=str(index), group=group) for index, group in enumerate(groups)]


def run_until_done(
    batch: list[Item], poison: set[int], *, crash: bool = True
) -> tuple[list[ItemResult], int, Counter[int], list[list[int]]]:
    """Runs a job again and again as workers do: results, deaths, runs by item, what ran together."""
    redis = FakeRedis()
    runs: Counter[int] = Counter()
    together: list[list[int]] = []
    deaths = 1  # the whole died before anyone looked

    def score(indices: list[int]) -> list[ItemResult]:
        runs.update(indices)
        together.append(indices)
        if poison & set(indices):
            raise Death
        return [ItemResult(None, place, Status.OK, float(index), []) for place, index in enumerate(indices)]

    while True:
        try:
            results = score_in_parts(batch, Progress(redis, "job"), score)  # type: ignore[arg-type]
        except Death:
            deaths += 1
            if crash:
                Progress(redis, "job").blame()  # type: ignore[arg-type]
            continue
        assert not redis.hashes
        return results, deaths, runs, together


def as_json(results: list[object]) -> list[dict[str, object]]:
    """Results that went through Redis are JSON objects already."""
    return orjson.loads(orjson.dumps(results))  # type: ignore[no-any-return]


@given(
    st.lists(st.none() | st.sampled_from("abc"), min_size=1, max_size=40),
    st.sets(st.integers(0, 39), max_size=3),
)
def test_only_the_poisonous_and_their_groups_are_lost(groups: list[str | None], drawn: set[int]) -> None:
    batch = items(groups)
    poison = {index for index in drawn if index < len(batch)}
    results, deaths, _, together = run_until_done(batch, poison)

    lost = {index for unit in units_of(batch) if poison & set(unit) for index in unit}
    found = as_json(list(results))
    assert [result["index"] for result in found] == list(range(len(batch)))
    assert {result["index"] for result in found if result["status"] == "error"} == lost
    assert all(result["reward"] == result["index"] for result in found if result["status"] == "ok")
    for ran in together:
        for unit in units_of(batch):
            assert set(unit) <= set(ran) or not set(unit) & set(ran)
    if len(units_of(batch)) > 1:
        for unit in units_of(batch):
            if poison & set(unit):
                assert together.count(unit) == MAX_BLAMES
    assert deaths <= RETRIES + RETRIES_A_HALVING * len(batch).bit_length() + 1


def test_what_is_done_is_not_done_again() -> None:
    batch = items([None] * 16)
    _, _, runs, _ = run_until_done(batch, {0})
    assert max(runs[index] for index in range(8, 16)) == 1


@pytest.mark.parametrize("count", [1, 2, 64, 4096])
def test_three_poisonous_items_are_found_within_the_retries(count: int) -> None:
    poison = {0, count // 2, count - 1}
    _, deaths, _, _ = run_until_done(items([None] * count), poison)
    assert deaths <= RETRIES + RETRIES_A_HALVING * count.bit_length() + 1


def test_a_job_that_is_only_unlucky_gets_many_lives() -> None:
    results, deaths, _, _ = run_until_done(items([None]), {0}, crash=False)
    assert as_json(list(results))[0]["status"] == "error"
    assert deaths == MAX_DEATHS <= RETRIES


def test_an_exception_is_blamed_on_what_raised_it() -> None:
    redis = FakeRedis()

    def score(indices: list[int]) -> list[ItemResult]:
        raise ZeroDivisionError

    for _ in range(MAX_BLAMES):
        with pytest.raises(ZeroDivisionError):
            score_in_parts(items([None]), Progress(redis, "job"), score)  # type: ignore[arg-type]
    (result,) = score_in_parts(items([None]), Progress(redis, "job"), score)  # type: ignore[arg-type]
    assert result.status == Status.ERROR


def test_progress_survives_in_redis(redis: Redis) -> None:
    progress = Progress(redis, "job")
    (whole,), done = progress.load(4)
    assert (whole, done) == (Part(0, 4, deaths=1), {})
    progress.save(whole.halves(), {3: {"index": 3}})
    progress.blame()
    parts, done = Progress(redis, "job").load(4)
    assert parts == [Part(0, 2, blames=1), Part(2, 4)] and done == {3: {"index": 3}}
    assert redis.ttl("verifier:progress:job") > 0
    progress.forget()
    assert not redis.exists("verifier:progress:job")
