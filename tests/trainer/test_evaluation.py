import math
from collections.abc import Callable

import pytest

from trainer.evaluation import pass_at_k
from trainer.rollout import Group, ScoredGroup, verdict
from trainer_client.wire import Component, ItemResult


def judged(verdict: str | None) -> ItemResult:
    if verdict is None:
        return {"index": 0, "status": "error", "reward": None, "components": []}
    shaped: Component = {
        "name": "f",
        "type": "format",
        "status": "ok",
        "score": 1.0,
        "weight": 1.0,
        "verdict": "scored",
    }
    bearing: Component = {**shaped, "name": "m", "type": "math", "verdict": verdict}
    return {"index": 0, "status": "ok", "reward": 1.0, "components": [shaped, bearing]}


@pytest.mark.parametrize(
    ("verdicts", "k", "chance"),
    [
        (["correct", "incorrect", "incorrect", "incorrect"], 1, 0.25),
        # 1 - C(3, 2) / C(4, 2)
        (["correct", "incorrect", "incorrect", "incorrect"], 2, 0.5),
        (["correct", "correct", "incorrect", "no_answer"], 2, 1 - 1 / 6),
        (["correct", None, "timeout"], 1, 0.5),
        ([None, None], 1, math.nan),
        (["correct"], 2, math.nan),
    ],
)
def test_pass_at_k(
    make_group: Callable[..., Group], verdicts: list[str | None], k: int, chance: float
) -> None:
    group = make_group(*("x" for _ in verdicts))
    scored = ScoredGroup(group, [judged(v) for v in verdicts])
    assert pass_at_k([scored], k) == pytest.approx(chance, nan_ok=True)


def test_groups_count_alike(make_group: Callable[..., Group]) -> None:
    right = ScoredGroup(make_group("x"), [judged("correct")])
    wrong = ScoredGroup(make_group("x", "y"), [judged("incorrect")] * 2)
    assert pass_at_k([right, wrong], 1) == 0.5


def test_the_verdict_is_that_of_the_first_component_which_bears_one() -> None:
    assert verdict(judged("partial")) == "partial"
    assert verdict(judged(None)) is None
