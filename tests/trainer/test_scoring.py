import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest

import trainer.scoring as module
from trainer.rollout import Group
from trainer.scoring import Scorer, request
from trainer_client.wire import ItemResult, ScoreRequest, ScoreResponse

REWARDS = [
    {"type": "math", "extract": "answer_tag"},
    {"type": "format", "preset": "think_answer", "weight": 0.2},
]
RIGHT, WRONG, BARE = "<think>2</think><answer>2</answer>", "<think>3</think><answer>3</answer>", "2"

MakeGroup = Callable[..., Group]
MakeVerifier = Callable[..., "object"]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the status line said; pauses take no time."""
    monkeypatch.setattr(module.time, "sleep", lambda _: None)
    return []


def scorer(
    verifier: object, told: list[str] | None = None, watch: Callable[[], None] = lambda: None
) -> Scorer:
    lines = told if told is not None else []
    return Scorer(verifier, REWARDS, "run", lines.append, watch)  # type: ignore[arg-type]


def outage(response: ScoreResponse, retryable: bool = True, items: int | None = None) -> ScoreResponse:
    """The response with its first items (all by default) not judged."""
    results = list(response["results"])
    for i in range(len(results) if items is None else items):
        results[i] = {
            "index": i,
            "status": "error",
            "reward": None,
            "components": [],
            "error": {"code": "deadline", "message": "too late", "retryable": retryable},
        }
    return {**response, "results": results}


def test_a_request_is_what_the_contract_says(make_group: MakeGroup) -> None:
    sent = request([make_group(RIGHT, BARE, index=4)], REWARDS, "demo")
    assert sent["rewards"] == REWARDS
    assert sent["references"] == {"1+1=": {"answer": "2"}}
    assert sent["run"] == "demo"
    assert sent["items"][1] == {
        "id": "4.1",
        "prompt": "1+1=",
        "completion": BARE,
        "reference": "1+1=",
        "group": "4",
        "finish_reason": "stop",
        "completion_tokens": 2,
        "metadata": {},
    }


def test_a_group_comes_back_with_its_results(make_group: MakeGroup, make_verifier: MakeVerifier) -> None:
    rewards = scorer(make_verifier())
    rewards.submit([make_group(RIGHT, WRONG, index=0), make_group(BARE, index=1)])
    rewards.submit([make_group(RIGHT, index=2)])
    scored = rewards.all()
    assert [s.group.index for s in scored] == [0, 1, 2]
    assert [s.rewards for s in scored] == [pytest.approx([1.2, 0.2]), [0.0], [pytest.approx(1.2)]]
    assert rewards.outstanding == []
    assert rewards.graders == {"math": 1, "format": 1}


def test_what_was_not_judged_is_masked_and_never_zero(
    make_group: MakeGroup, make_verifier: MakeVerifier, told: list[str]
) -> None:
    rewards = scorer(make_verifier(lambda _, response: outage(response, items=1)), told)
    rewards.submit([make_group(RIGHT, WRONG)])
    (scored,) = rewards.all()
    assert scored.rewards == [pytest.approx(float("nan"), nan_ok=True), pytest.approx(0.2)]
    assert told == []


def test_groups_are_handed_back_in_order_of_arrival(make_group: MakeGroup) -> None:
    futures: list[tuple[ScoreRequest, Future[ScoreResponse]]] = []

    class Slow:
        def submit(self, sent: ScoreRequest) -> Future[ScoreResponse]:
            futures.append((sent, Future()))
            return futures[-1][1]

    def answer(which: int) -> None:
        sent, future = futures[which]
        results: list[ItemResult] = [
            {"index": i, "status": "ok", "reward": 1.0, "components": []} for i in range(len(sent["items"]))
        ]
        future.set_result(
            {"results": results, "graders": {}, "request_id": "", "elapsed_ms": 0.0, "version": ""}
        )

    rewards = scorer(Slow())
    for index in range(3):
        rewards.submit([make_group(RIGHT, index=index)])
    answer(2)
    arrivals = rewards.arrivals(2)
    assert [s.group.index for s in next(arrivals)] == [2]
    threading.Timer(0.05, answer, [0]).start()
    assert [s.group.index for s in next(arrivals)] == [0]
    assert list(arrivals) == []
    assert [group.index for group in rewards.outstanding] == [1]


def test_a_verifier_that_judges_nothing_is_waited_for_and_nothing_is_lost(
    make_group: MakeGroup, make_verifier: MakeVerifier, told: list[str]
) -> None:
    failures = iter([True] * 7)
    verifier = make_verifier(lambda _, response: outage(response) if next(failures, False) else response)
    rewards = scorer(verifier, told)
    rewards.submit([make_group(RIGHT, WRONG)])
    (scored,) = rewards.all()
    assert scored.rewards == pytest.approx([1.2, 0.2])
    assert told[0].startswith("the verifier judges nothing (too late); trying again in")
    assert told[-1] == ""


def test_a_group_that_alone_is_never_judged_is_masked_in_the_end(
    make_group: MakeGroup, make_verifier: MakeVerifier, told: list[str]
) -> None:
    def alter(sent: ScoreRequest, response: ScoreResponse) -> ScoreResponse:
        return outage(response) if sent["items"][0]["group"] == "0" else response

    rewards = scorer(make_verifier(alter), told)
    rewards.submit([make_group(RIGHT, WRONG, index=0)])
    arrived = []
    for index in range(1, 9):
        rewards.submit([make_group(RIGHT, index=index)])
        arrived += [s for scored in rewards.arrivals(1) for s in scored]
    arrived += rewards.all()
    assert sorted(s.group.index for s in arrived) == list(range(9))
    masked = next(s for s in arrived if s.group.index == 0)
    assert all(reward != reward for reward in masked.rewards)


def test_an_outage_that_cannot_pass_is_not_waited_for(
    make_group: MakeGroup, make_verifier: MakeVerifier, told: list[str]
) -> None:
    rewards = scorer(make_verifier(lambda _, response: outage(response, retryable=False)), told)
    rewards.submit([make_group(RIGHT)])
    assert len(rewards.all()) == 1
    assert told == []


def test_waiting_ends_when_the_worker_of_the_run_has_ended(
    make_group: MakeGroup, make_verifier: MakeVerifier
) -> None:
    def watch() -> None:
        raise module.VerifierStopped("gone")

    rewards = scorer(make_verifier(lambda *_: None), watch=watch)
    rewards.submit([make_group(RIGHT)])
    with pytest.raises(module.VerifierStopped):
        rewards.all()
