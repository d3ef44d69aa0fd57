"""From the sandbox's verdicts to scores; a sandbox that fails us is never a zero."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from sandbox.client import SandboxClient, SandboxUnavailable, UnusableTests
from sandbox.schema import JudgeRequest, JudgeResult
from verifier.errors import ErrorCode, ItemFaulted, ItemInvalid
from verifier.rewards.base import Sample, Score
from verifier.rewards.code import CodeReward
from verifier.rewards.code.reward import MAX_PROGRAM_CHARACTERS, CodeParameters
from verifier.rewards.services import Services
from verifier.schema import Verdict

TESTS = {"type": "stdio", "cases": [{"stdin": "1 2\n", "stdout": "3\n"}] * 4}
PROGRAM = "```python\nprint(3)\n```"


class Recorder(SandboxClient):
    """Answers with one result, or raises one error, and keeps the requests."""

    def __init__(self, answer: JudgeResult | Exception) -> None:
        self.answer = answer
        self.requests: list[JudgeRequest] = []

    async def judge(self, request: JudgeRequest) -> JudgeResult:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def result(verdict: str, passed: int) -> JudgeResult:
    return JudgeResult.model_validate({"verdict": verdict, "passed": passed, "total": 4, "tests": []})


def judge(sandbox: Recorder, completion: str = PROGRAM, tests: Any = TESTS, **parameters: object) -> Score:
    bound = CodeParameters.model_validate({"type": "code", **parameters})
    sample = Sample(completion, reference={"tests": tests})
    return asyncio.run(CodeReward().score(sample, bound, Services(sandbox)))


@pytest.mark.parametrize(
    ("verdict", "passed", "aggregate", "value", "said"),
    [
        ("correct", 4, "all", 1.0, Verdict.CORRECT),
        ("incorrect", 3, "all", 0.0, Verdict.INCORRECT),
        ("timeout", 1, "all", 0.0, Verdict.TIMEOUT),
        ("compile_error", 0, "all", 0.0, Verdict.COMPILE_ERROR),
        ("correct", 4, "fraction", 1.0, Verdict.CORRECT),
        ("incorrect", 3, "fraction", 0.75, Verdict.PARTIAL),
        ("runtime_error", 0, "fraction", 0.0, Verdict.RUNTIME_ERROR),
    ],
)
def test_verdicts_add_up_by_all_or_by_fraction(
    verdict: str, passed: int, aggregate: str, value: float, said: Verdict
) -> None:
    score = judge(Recorder(result(verdict, passed)), aggregate=aggregate)
    assert (score.value, score.verdict) == (value, said)
    assert (score.detail["passed"], score.detail["total"]) == (passed, 4)


def test_the_request_holds_the_program_the_tests_and_the_limits() -> None:
    sandbox = Recorder(result("correct", 4))
    judge(sandbox, max_tests=2, limits={"cpu_s": 2, "memory_mb": 64})
    (request,) = sandbox.requests
    assert request.code == "print(3)\n"
    assert (request.max_tests, request.limits.cpu_s, request.limits.memory_mb) == (2, 2.0, 64)
    assert request.limits.wall_s == 11.0


def test_the_whole_completion_may_be_the_program() -> None:
    sandbox = Recorder(result("correct", 4))
    judge(sandbox, completion="print(3)", extract="whole")
    assert sandbox.requests[0].code == "print(3)"


@pytest.mark.parametrize("completion", ["print(3)", "", "```python\n\n```", "```python\nprint(3)"])
def test_a_completion_without_a_program_is_judged_without_a_jail(completion: str) -> None:
    sandbox = Recorder(result("correct", 4))
    score = judge(sandbox, completion=completion)
    assert (score.value, score.verdict) == (0.0, Verdict.NO_ANSWER)
    assert sandbox.requests == []


def test_a_huge_program_cannot_buy_a_null() -> None:
    sandbox = Recorder(result("correct", 4))
    score = judge(sandbox, completion="#" * (MAX_PROGRAM_CHARACTERS + 1), extract="whole")
    assert (score.value, score.verdict) == (0.0, Verdict.COMPILE_ERROR)


@pytest.mark.parametrize("tests", [{}, {"type": "stdio", "cases": []}, {"type": "magic"}, {**TESTS, "x": 1}])
@pytest.mark.parametrize("completion", [PROGRAM, "no program"])
def test_unusable_tests_are_invalid_whatever_the_completion(tests: Any, completion: str) -> None:
    with pytest.raises(ItemInvalid) as caught:
        judge(Recorder(result("correct", 4)), completion, tests)
    assert caught.value.code is ErrorCode.UNUSABLE_REFERENCE


def test_what_the_sandbox_calls_unusable_is_invalid() -> None:
    with pytest.raises(ItemInvalid) as caught:
        judge(Recorder(UnusableTests("no such function")))
    assert caught.value.code is ErrorCode.UNUSABLE_REFERENCE


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("sandbox_unavailable", ErrorCode.SANDBOX_UNAVAILABLE),
        ("overloaded", ErrorCode.SANDBOX_UNAVAILABLE),
        ("starved", ErrorCode.SANDBOX_STARVED),
    ],
)
def test_a_sandbox_that_fails_us_is_an_error(code: Any, ours: ErrorCode) -> None:
    with pytest.raises(ItemFaulted) as caught:
        judge(Recorder(SandboxUnavailable(code, "gone")))
    assert caught.value.code is ours


def stdio(*inputs: str) -> dict[str, Any]:
    return {"type": "stdio", "cases": [{"stdin": text, "stdout": "3\n"} for text in inputs]}


def call(*arguments: Any) -> dict[str, Any]:
    return {"type": "call", "function": "f", "cases": [{**given, "expected": 3} for given in arguments]}


@pytest.mark.parametrize(
    ("tests", "kept"),
    [
        (stdio("1", "4444", "22", "333"), stdio("4444", "333")),
        (stdio("1", "22", "22", "22"), stdio("22", "22")),
        (stdio("1"), stdio("1")),
        (
            call({"args": [1, 2, 3]}, {"args": [1]}, {"args": ["a long text"]}, {"kwargs": {"x": 1}}),
            call({"args": [1, 2, 3]}, {"args": ["a long text"]}),
        ),
        (
            {"type": "assert", "asserts": ["f(1)", "f(1) == 3", "f(2) == 4"]},
            {"type": "assert", "asserts": ["f(1) == 3", "f(2) == 4"]},
        ),
    ],
)
def test_the_tests_with_the_longest_input_are_sent_in_their_order(tests: Any, kept: Any) -> None:
    sandbox = Recorder(result("correct", 2))
    judge(sandbox, tests=tests, max_tests=2, select="longest")
    (request,) = sandbox.requests
    assert request.tests.model_dump(exclude_defaults=True) == kept
    assert request.max_tests is None


def test_a_chosen_test_is_told_by_its_place_in_the_reference() -> None:
    tests = [{"index": 0, "verdict": "correct"}, {"index": 1, "verdict": "incorrect"}]
    answer = {"verdict": "incorrect", "passed": 1, "total": 2, "tests": tests}
    sandbox = Recorder(JudgeResult.model_validate(answer))
    score = judge(sandbox, tests=stdio("1", "4444", "22", "333"), max_tests=2, select="longest")
    assert [test["index"] for test in score.detail["tests"]] == [1, 3]


def test_a_choice_needs_a_number() -> None:
    with pytest.raises(ValidationError, match="max_tests"):
        CodeParameters.model_validate({"type": "code", "select": "longest"})
