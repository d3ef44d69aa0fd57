"""The loop on a tiny model and a verifier in this process, whose rewards always differ within a group."""

import json
import math
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer import checkpoint, policy
from trainer.config import Config
from trainer.loop import Loop
from trainer.pipeline import run
from trainer.scoring import Scorer
from trainer.update import Diverged
from trainer_client.wire import ScoreRequest, ScoreResponse

MakeVerifier = Callable[..., Any]


def tiny(**changes: Any) -> Config:
    return Config.model_validate(
        {
            "name": "test",
            "steps": 4,
            "prompts_per_step": 3,
            "group_size": 4,
            "max_tokens": 6,
            "eval_every": 2,
            "eval_problems": 8,
            "eval_samples": 2,
            "checkpoint_every": 2,
            "rollouts_every": 1,
            "warmup_steps": 2,
            "task": {"held_out_problems": 8},
            "model": {"hidden_size": 16, "layers": 1, "heads": 2, "kv_heads": 1, "intermediate_size": 16},
            "sft": {"max_steps": 2, "batch_size": 4, "eval_every": 1, "eval_problems": 8},
        }
        | changes
    )


def spread(_: ScoreRequest, response: ScoreResponse) -> ScoreResponse:
    """Rewards 0, 1, 2 …: something to learn from whatever was sampled."""
    for i, result in enumerate(response["results"]):
        result["reward"] = float(i)
    return response


def make_loop(config: Config, verifier: Any) -> Loop:
    current = policy.create(config.model, config.task, config.max_tokens, config.seed)
    scorer = Scorer(verifier, config.rewards, "test", lambda _: None, lambda: None)
    return Loop(config, current, config.task, scorer)


@pytest.mark.parametrize("max_staleness", [0, 1, 3])
def test_so_many_batches_are_in_flight_and_rollouts_are_so_old(
    make_verifier: MakeVerifier, max_staleness: int
) -> None:
    verifier = make_verifier(spread)
    loop = make_loop(tiny(max_staleness=max_staleness, steps=6), verifier)
    for result in loop.steps():
        ahead = min(result.step + max_staleness, 6)
        assert len(verifier.requests) == 3 * ahead
        ages = {result.step - 1 - scored.group.version for scored in result.groups}
        assert ages == {min(result.step - 1, max_staleness)}
        assert result.metrics["staleness/mean"] == min(result.step - 1, max_staleness)
        assert result.metrics["groups/dropped_stale"] == 0


def test_rollouts_that_come_too_late_are_dropped_and_counted(make_verifier: MakeVerifier) -> None:
    """The first group is scored two steps late; the batches in flight are made up for it."""
    late: list[Future[ScoreResponse]] = []
    verifier = make_verifier(spread)
    submit = verifier.submit

    def delay(request: ScoreRequest) -> Future[ScoreResponse]:
        future = submit(request)
        if request["items"][0]["id"] != "0.0":
            return future
        late.append(Future())
        return late[0]

    verifier.submit = delay
    steps = make_loop(tiny(steps=6, max_staleness=1), verifier).steps()
    assert [next(steps).metrics["groups/dropped_stale"] for _ in range(2)] == [0, 0]
    late[0].set_result(verifier.respond(verifier.requests[0]))
    result = next(steps)
    assert result.metrics["groups/dropped_stale"] == 0.25
    assert len(result.groups) == 3
    assert all(scored.group.index != 0 for scored in result.groups)


def test_all_numbers_of_the_contract_are_there(make_verifier: MakeVerifier) -> None:
    result = next(make_loop(tiny(), make_verifier(spread)).steps())
    assert set(result.metrics) == {
        *("reward/mean", "reward/std", "reward/math/mean", "reward/format/mean", "accuracy"),
        *("length/mean", "length/clipped", "length/stopped_mean"),
        *("groups/zero_spread", "groups/dropped_stale", "items/masked", "staleness/mean"),
        *("time/sample", "time/wait", "time/train", "tokens_per_s"),
        *("loss", "kl", "entropy", "grad_norm", "clip_fraction"),
    }


def test_training_stops_when_gradients_stay_infinite(make_verifier: MakeVerifier) -> None:
    def infinite(_: ScoreRequest, response: ScoreResponse) -> ScoreResponse:
        for i, result in enumerate(spread(_, response)["results"]):
            result["reward"] = 3e38 * (i > 0)  # their sum is infinite
        return response

    loop = make_loop(tiny(steps=9), make_verifier(infinite))
    with pytest.raises(Diverged, match="up to step 3"):
        list(loop.steps())


def test_on_policy_the_ratio_is_one(make_verifier: MakeVerifier) -> None:
    for result in make_loop(tiny(max_staleness=0), make_verifier(spread)).steps():
        assert result.metrics["kl"] == pytest.approx(0, abs=1e-6)
        assert result.metrics["clip_fraction"] == 0
        assert result.metrics["grad_norm"] > 0


class Killed(BaseException):
    """Stands for SIGKILL."""


def rows(file: Path) -> list[dict[str, Any]]:
    timed = ("time/", "tokens_per_s")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [{k: v for k, v in line.items() if not k.startswith(timed)} for line in lines]


@pytest.mark.parametrize(
    "changes",
    [{}, {"loss": {"kl": "k3", "kl_weight": 0.1}}, {"max_staleness": 2}],
    ids=["plain", "kl", "ahead"],
)
def test_a_run_killed_and_resumed_gives_the_numbers_of_one_never_stopped(
    tmp_path: Path, make_verifier: MakeVerifier, changes: dict[str, Any]
) -> None:
    config = tiny(max_staleness=0) if not changes else tiny(**{"max_staleness": 0} | changes)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir(), broken.mkdir()
    run(config, whole, make_verifier(spread))

    def kill_late(request: ScoreRequest, response: ScoreResponse) -> ScoreResponse:
        if request["items"][0]["id"] == "10.0" and len(request["items"]) == 4:  # in the fourth batch
            raise Killed
        return spread(request, response)

    with pytest.raises(Killed):
        run(config, broken, make_verifier(kill_late))
    if config.max_staleness == 0:
        assert checkpoint.saved(broken / "checkpoints")[-1].name == "step-000002"
    run(config.model_copy(update={"resume": True}), broken, make_verifier(spread))

    for name in ("metrics.jsonl", "eval.jsonl", "rollouts.jsonl"):
        assert rows(broken / name) == rows(whole / name), name
    last = [checkpoint.load(checkpoint.saved(f / "checkpoints")[-1]) for f in (whole, broken)]
    for (name, a), b in zip(
        last[0][0].model.state_dict().items(), last[1][0].model.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b), name
    before, after = (json.loads((f / "summary.json").read_text()) for f in (whole, broken))
    for key in ("accuracy_before", "accuracy_after", "steps", "masked_fraction"):
        assert before[key] == after[key]


def test_masked_items_are_counted(make_verifier: MakeVerifier) -> None:
    def mask(request: ScoreRequest, response: ScoreResponse) -> ScoreResponse:
        spread(request, response)
        response["results"][0] |= {"status": "error", "reward": None, "components": []}
        return response

    loop = make_loop(tiny(steps=2), make_verifier(mask))
    for result in loop.steps():
        assert result.metrics["items/masked"] == 0.25
        assert result.metrics["reward/mean"] == 2
        assert math.isfinite(result.metrics["loss"])
    assert (loop.totals.masked, loop.totals.items) == (6, 24)
