"""Every preset gives the published values: the golden cases of its file, through the engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from verifier.presets import GoldenCase, load_presets
from verifier.schema import ScoreResponse

Score = Callable[[dict[str, Any]], ScoreResponse]


def _batches(*, sandbox: bool) -> list[Any]:
    """Cases that are scored together: those of a group, else one by one."""
    batches: dict[tuple[str, str], list[GoldenCase]] = defaultdict(list)
    for name, preset in load_presets().items():
        for number, case in enumerate(preset.cases):
            if case.sandbox is sandbox:
                batches[name, case.group or f"case {number + 1}"].append(case)
    return [pytest.param(name, cases, id=f"{name}-{batch}") for (name, batch), cases in batches.items()]


def _check(score: Score, name: str, cases: list[GoldenCase]) -> None:
    items = []
    for case in cases:
        shape = case.model_dump(exclude={"params", "reward", "why", "sandbox"}, exclude_none=True)
        items.append({**shape, "rewards": {"preset": name, "params": case.params}})
    results = score({"items": items}).results
    for case, result in zip(cases, results, strict=True):
        assert result.error is None, f"{case.why}: {result.error}"
        assert result.reward == pytest.approx(case.reward, abs=1e-9), f"{case.why}: {result.components}"


@pytest.mark.parametrize(("name", "cases"), _batches(sandbox=False))
def test_a_preset_gives_the_published_reward(score: Score, name: str, cases: list[GoldenCase]) -> None:
    _check(score, name, cases)


@pytest.mark.docker
@pytest.mark.parametrize(("name", "cases"), _batches(sandbox=True))
def test_a_preset_gives_the_published_reward_for_code(
    score_with_sandbox: Score, name: str, cases: list[GoldenCase]
) -> None:
    _check(score_with_sandbox, name, cases)
