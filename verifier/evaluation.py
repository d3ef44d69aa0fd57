"""Working out the rewards of a planned batch, leaves first, nothing twice and nothing that nobody asks for.

A reward may hold others, so a component is a tree. Each round asks every component that is still open for
its score; a combinator that asks for a part not yet known is put off, and what it lacks is wanted. Then all
wanted leaves of all items are judged at once, and the next round begins. A batch of plain rewards is done in
one round; a gate costs a second one, for those items alone that pass it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from verifier.boundary import defect, judge
from verifier.errors import ErrorCode, ItemFaulted, ItemInvalid
from verifier.plan import PlannedItem
from verifier.pool import Judgement
from verifier.rewards.base import Combinator, GroupReward, Member, Part, Sample, Score
from verifier.rewards.registry import BoundReward

LeafKey = tuple[bytes, int]
"""A reward's key and a sample's id: equal leaves are judged once."""

Leaves = dict[LeafKey, tuple[BoundReward, Sample]]
JudgeLeaves = Callable[[Leaves, Callable[[LeafKey, Judgement], None]], Awaitable[None]]


class _NotYet(BaseException):
    """A part was asked for that is not known in this round. No reward's ``except Exception`` may eat it."""


class Evaluation:
    """The judgements of one batch as they become known."""

    def __init__(self, items: Sequence[PlannedItem]) -> None:
        self._items = items
        self._known: dict[LeafKey, Judgement] = {}
        self._grouped: dict[tuple[bytes, str], dict[int, Judgement]] = {}
        self._wanted: Leaves = {}
        self._open = {
            (index, component): bound
            for index, item in enumerate(items)
            if item.sample is not None
            for component, bound in enumerate(item.components)
        }
        tops = {id(bound): bound for bound in self._open.values()}
        self._leaf_ids = {number for number, bound in tops.items() if _is_leaf(bound)}
        """Found out once for a whole batch, whose items mostly share their rewards."""
        self._judgements: dict[tuple[int, int], Judgement] = {}
        self._members: defaultdict[str, list[int]] = defaultdict(list)
        for index, item in enumerate(items):
            if item.sample is not None and item.group is not None:
                self._members[item.group].append(index)

    async def run(self, judge_leaves: JudgeLeaves) -> None:
        """Judge everything. Cancelled, it leaves open what is not done; ``judgement`` then has none of it."""
        self._settle()
        while self._wanted:
            wanted, self._wanted = self._wanted, {}
            try:
                await judge_leaves(wanted, self._known.__setitem__)
            finally:
                self._settle()

    def judgement(self, index: int, component: int) -> Judgement | None:
        """What became of a component of an item, if it is known."""
        return self._judgements.get((index, component))

    def _settle(self) -> None:
        """Ask every open component once more."""
        still_open: dict[tuple[int, int], BoundReward] = {}
        for place, bound in self._open.items():
            if id(bound) in self._leaf_ids:
                judgement = self._leaf(place[0], bound)
            else:
                judgement = self._tree(place[0], bound)
            if judgement is None:
                still_open[place] = bound
            else:
                self._judgements[place] = judgement
        self._open = still_open

    def _leaf(self, index: int, bound: BoundReward) -> Judgement | None:
        """A leaf's judgement; where it is not known, it is wanted."""
        item = self._items[index]
        key = (bound.key, item.sample_id)
        known = self._known.get(key)
        if known is None:
            assert item.sample is not None
            self._wanted[key] = (bound, item.sample)
        return known

    def _tree(self, index: int, bound: BoundReward) -> Judgement | None:
        try:
            return self._resolve(index, bound)
        except _NotYet:
            return None

    def _resolve(self, index: int, bound: BoundReward) -> Judgement:
        reward = bound.reward
        if isinstance(reward, Combinator):
            return self._combine(reward, index, bound)
        if isinstance(reward, GroupReward):
            return self._group(reward, index, bound)
        known = self._leaf(index, bound)
        if known is None:
            raise _NotYet
        return known

    def _combine(self, reward: Combinator[Any], index: int, bound: BoundReward) -> Judgement:
        sample = self._items[index].sample
        assert sample is not None
        parts = self._parts(index, bound)
        return judge(reward.type_name, partial(reward.combine, sample, parts, bound.parameters))

    def _parts(self, index: int, bound: BoundReward) -> dict[str, Part]:
        return {field: partial(self._part, index, part) for field, part in bound.parts.items()}

    def _part(self, index: int, part: BoundReward) -> Score:
        outcome = self._resolve(index, part).outcome
        if isinstance(outcome, Score):
            return outcome
        raise outcome

    def _group(self, reward: GroupReward[Any], index: int, bound: BoundReward) -> Judgement:
        group = self._items[index].group
        if group is None:
            return self._judge_members(reward, bound, [index])[index]
        found = self._grouped.get((bound.key, group))
        if found is None:
            found = self._judge_members(reward, bound, self._peers(group, bound))
            self._grouped[bound.key, group] = found
        return found[index]

    def _peers(self, group: str, bound: BoundReward) -> list[int]:
        """The members of the group that this very reward scores."""
        return [
            index
            for index in self._members[group]
            if any(held.key == bound.key for top in self._items[index].components for held in top.walk())
        ]

    def _judge_members(
        self,
        reward: GroupReward[Any],
        bound: BoundReward,
        indices: Sequence[int],
    ) -> dict[int, Judgement]:
        """Members that are invalid are left out; one that is faulted faults the component for all."""
        members: dict[int, Member] = {}
        judged: dict[int, Judgement] = {}
        missing = False
        for index in indices:
            sample = self._items[index].sample
            assert sample is not None
            parts = self._parts(index, bound)
            try:
                reward.admit(sample, bound.parameters)
                for part in parts.values():
                    part()
            except _NotYet:
                missing = True
            except (ItemInvalid, ItemFaulted) as problem:
                judged[index] = Judgement(problem)
            else:
                members[index] = Member(sample, parts)
        if missing:
            raise _NotYet
        if any(isinstance(judgement.outcome, ItemFaulted) for judgement in judged.values()):
            message = "a member of the group could not be judged, and this reward compares them all; retry"
            incomplete = Judgement(ItemFaulted(ErrorCode.GROUP_INCOMPLETE, message))
            return {index: judged.get(index, incomplete) for index in indices}
        judged.update(_score_members(reward, members, bound))
        return judged


def _is_leaf(bound: BoundReward) -> bool:
    return not isinstance(bound.reward, Combinator | GroupReward)


def _score_members(
    reward: GroupReward[Any],
    members: Mapping[int, Member],
    bound: BoundReward,
) -> dict[int, Judgement]:
    if not members:
        return {}
    try:
        scores = reward.score_group(list(members.values()), bound.parameters)
        return {index: Judgement(score) for index, score in zip(members, scores, strict=True)}
    except (ItemInvalid, ItemFaulted) as problem:
        return dict.fromkeys(members, Judgement(problem))
    except Exception:  # noqa: BLE001 - a defect of ours must not spoil the other groups
        return dict.fromkeys(members, defect(reward.type_name))
