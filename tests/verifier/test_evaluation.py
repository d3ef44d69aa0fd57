"""Trees of rewards are worked out leaves first, nothing twice, and nothing that nobody asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from verifier.errors import ErrorCode, ItemFaulted, ItemInvalid
from verifier.evaluation import Evaluation, LeafKey, Leaves
from verifier.plan import PlannedItem
from verifier.pool import Judgement
from verifier.rewards.base import (
    Combinator,
    GroupReward,
    ItemReward,
    Member,
    Part,
    Reward,
    RewardParameters,
    Sample,
    Score,
)
from verifier.rewards.registry import BoundReward
from verifier.schema import RewardSpec, Verdict


class Leaf(ItemReward[RewardParameters]):
    type_name = "leaf"
    Parameters = RewardParameters

    def score(self, sample: Sample, parameters: RewardParameters) -> Score:
        raise NotImplementedError("the test judges leaves itself")


class Gate(Combinator[RewardParameters]):
    type_name = "gate"
    Parameters = RewardParameters

    def parts(self, parameters: RewardParameters) -> Mapping[str, RewardSpec]:
        raise NotImplementedError

    def combine(self, sample: Sample, parts: Mapping[str, Part], parameters: RewardParameters) -> Score:
        return parts["then"]() if parts["if"]().value > 0 else Score(-1.0, Verdict.SCORED)


class Rank(GroupReward[RewardParameters]):
    """A member's score less the group's best."""

    type_name = "rank"
    Parameters = RewardParameters

    def score_group(self, members: Sequence[Member], parameters: RewardParameters) -> list[Score]:
        values = [member.parts["of"]().value for member in members]
        return [Score(value - max(values), Verdict.SCORED) for value in values]


def bind(reward: Reward[Any], key: str, **parts: BoundReward) -> BoundReward:
    return BoundReward(key, 1.0, reward, RewardParameters(type=key), key.encode(), parts)


def item(text: str, sample_id: int, *components: BoundReward, group: str | None = None) -> PlannedItem:
    return PlannedItem(None, components, Sample(text), None, sample_id, group)


class Judge:
    """Judges leaves by a table of outcomes, noting what it was asked in which round."""

    def __init__(self, outcomes: Mapping[tuple[str, int], float | Exception]) -> None:
        self._outcomes = outcomes
        self.rounds: list[set[tuple[str, int]]] = []

    async def __call__(self, leaves: Leaves, known: Callable[[LeafKey, Judgement], None]) -> None:
        self.rounds.append({(key.decode(), sample) for key, sample in leaves})
        for key, sample in leaves:
            outcome = self._outcomes[key.decode(), sample]
            if isinstance(outcome, (ItemInvalid, ItemFaulted)):
                known((key, sample), Judgement(outcome))
            else:
                assert isinstance(outcome, float)
                known((key, sample), Judgement(Score(outcome, Verdict.SCORED)))


def evaluate(judge: Judge, *items: PlannedItem) -> list[list[float | ErrorCode | None]]:
    evaluation = Evaluation(items)
    asyncio.run(evaluation.run(judge))

    def outcome(index: int, component: int) -> float | ErrorCode | None:
        judgement = evaluation.judgement(index, component)
        if judgement is None:
            return None
        return judgement.outcome.value if isinstance(judgement.outcome, Score) else judgement.outcome.code

    return [[outcome(i, c) for c in range(len(planned.components))] for i, planned in enumerate(items)]


A, B = bind(Leaf(), "a"), bind(Leaf(), "b")
GATE = bind(Gate(), "gate", **{"if": A, "then": B})
RANK = bind(Rank(), "rank", of=A)
FAULT = ItemFaulted(ErrorCode.SANDBOX_UNAVAILABLE, "gone")
INVALID = ItemInvalid(ErrorCode.MISSING_REFERENCE, "none")


def test_equal_leaves_are_judged_once() -> None:
    judge = Judge({("a", 0): 1.0, ("a", 1): 0.0})
    found = evaluate(judge, item("x", 0, A), item("x", 0, A), item("y", 1, A, A))
    assert found == [[1.0], [1.0], [0.0, 0.0]]
    assert judge.rounds == [{("a", 0), ("a", 1)}]


def test_a_part_that_is_not_asked_for_is_never_judged() -> None:
    judge = Judge({("a", 0): 0.0, ("a", 1): 1.0, ("b", 1): 5.0})
    assert evaluate(judge, item("x", 0, GATE), item("y", 1, GATE)) == [[-1.0], [5.0]]
    assert judge.rounds == [{("a", 0), ("a", 1)}, {("b", 1)}]


def test_the_problem_of_a_part_is_that_of_the_whole_only_where_it_is_asked_for() -> None:
    judge = Judge({("a", 0): FAULT, ("a", 1): 1.0, ("b", 1): INVALID, ("a", 2): 0.0})
    found = evaluate(judge, item("x", 0, GATE), item("y", 1, GATE), item("z", 2, GATE))
    assert found == [[ErrorCode.SANDBOX_UNAVAILABLE], [ErrorCode.MISSING_REFERENCE], [-1.0]]


def test_a_group_is_scored_together_and_one_without_a_group_is_a_group_of_one() -> None:
    judge = Judge({("a", 0): 1.0, ("a", 1): 3.0, ("a", 2): 2.0})
    found = evaluate(judge, item("x", 0, RANK, group="g"), item("y", 1, RANK, group="g"), item("z", 2, RANK))
    assert found == [[-2.0], [0.0], [0.0]]


def test_an_invalid_member_is_left_out_of_its_group() -> None:
    judge = Judge({("a", 0): 1.0, ("a", 1): INVALID, ("a", 2): 2.0})
    items = [item(str(n), n, RANK, group="g") for n in range(3)]
    assert evaluate(judge, *items) == [[-1.0], [ErrorCode.MISSING_REFERENCE], [0.0]]


def test_a_faulted_member_faults_the_component_for_its_whole_group_alone() -> None:
    judge = Judge({("a", 0): 1.0, ("a", 1): FAULT, ("a", 2): 2.0})
    items = [item("0", 0, RANK, group="g"), item("1", 1, RANK, group="g"), item("2", 2, RANK, group="h")]
    found = evaluate(judge, *items)
    assert found == [[ErrorCode.GROUP_INCOMPLETE], [ErrorCode.SANDBOX_UNAVAILABLE], [0.0]]


def test_a_combinator_may_hold_a_group_reward() -> None:
    gate = bind(Gate(), "gate2", **{"if": A, "then": RANK})
    judge = Judge({("a", 0): 1.0, ("a", 1): 3.0})
    assert evaluate(judge, item("x", 0, gate, group="g"), item("y", 1, gate, group="g")) == [[-2.0], [0.0]]


def test_a_defect_in_a_combinator_spoils_no_neighbour(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Gate):
        def combine(self, sample: Sample, parts: Mapping[str, Part], parameters: RewardParameters) -> Score:
            raise ZeroDivisionError

    judge = Judge({("a", 1): 1.0})
    found = evaluate(judge, item("x", 0, bind(Broken(), "broken")), item("y", 1, A))
    assert found == [[ErrorCode.INTERNAL], [1.0]]


def test_cancelled_it_keeps_what_is_known() -> None:
    class Late(Judge):
        async def __call__(self, leaves: Leaves, known: Callable[[LeafKey, Judgement], None]) -> None:
            known((b"a", 0), Judgement(Score(1.0, Verdict.SCORED)))
            await asyncio.sleep(60)

    evaluation = Evaluation([item("x", 0, A), item("y", 1, A)])

    async def run() -> None:
        async with asyncio.timeout(0.05):
            await evaluation.run(Late({}))

    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert evaluation.judgement(0, 0) is not None
    assert evaluation.judgement(1, 0) is None
