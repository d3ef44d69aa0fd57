"""A verifier in this process, for tests of what lies behind the scores."""

import re
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

from trainer_client.wire import Item, ItemResult, ScoreRequest, ScoreResponse

WHOLE = re.compile(r"<think>.+?</think><answer>(.+?)</answer>", re.DOTALL)
ANSWER = re.compile(r"<answer>(\d+)</answer>")


class FakeVerifier:
    """Scores `math` with answer tags (integers) and `format` as the real one does; remembers the requests."""

    def __init__(self) -> None:
        self.requests: list[ScoreRequest] = []

    def submit(self, request: ScoreRequest) -> Future[ScoreResponse]:
        self.requests.append(request)
        future: Future[ScoreResponse] = Future()
        future.set_result(self.respond(request))
        return future

    def respond(self, request: ScoreRequest) -> ScoreResponse:
        results = [self.judge(i, item, request) for i, item in enumerate(request["items"])]
        return {
            "results": results,
            "graders": {"math": 1, "format": 1},
            "request_id": "fake",
            "elapsed_ms": 0.0,
            "version": "fake",
        }

    def judge(self, index: int, item: Item, request: ScoreRequest) -> ItemResult:
        reference = item["reference"]
        answer = (request["references"][reference] if isinstance(reference, str) else reference)["answer"]
        text = str(item["completion"])
        found = ANSWER.search(text)
        right = found is not None and int(found[1]) == int(answer)
        shaped = WHOLE.fullmatch(text) is not None
        return {
            "id": item["id"],
            "index": index,
            "status": "ok",
            "reward": 1.0 * right + 0.2 * shaped,
            "components": [
                _component("math", right, 1.0, "correct" if right else "incorrect"),
                _component("format", shaped, 0.2, "scored"),
            ],
        }

    def score(self, request: ScoreRequest) -> ScoreResponse:
        return self.submit(request).result()

    async def score_async(self, request: ScoreRequest) -> ScoreResponse:
        return self.score(request)

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _component(name: str, score: bool, weight: float, verdict: str) -> Any:
    return {
        "name": name,
        "type": name,
        "status": "ok",
        "score": float(score),
        "weight": weight,
        "verdict": verdict,
        "detail": {},
    }
