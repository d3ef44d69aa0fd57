"""The ``code`` reward: completion -> program -> sandbox -> score."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from sandbox.client import SandboxUnavailable, UnusableTests
from sandbox.schema import JudgeRequest, JudgeResult, Language, Limits
from verifier.errors import ErrorCode, ItemFaulted, ItemInvalid
from verifier.rewards.base import (
    ReferenceModel,
    RemoteReward,
    RewardParameters,
    Sample,
    Score,
    read_reference,
)
from verifier.rewards.code.extract import last_fence
from verifier.rewards.code.selection import longest_inputs
from verifier.rewards.services import Services
from verifier.schema import JsonObject, Verdict

MAX_PROGRAM_CHARACTERS = 1 << 20


class CodeParameters(RewardParameters):
    """How to find the program, how to run it, and how its tests add up."""

    type: Literal["code"]
    language: Language = "python"
    extract: Literal["last_fence", "whole"] = "last_fence"
    """The last closed fenced block after the reasoning, or the whole completion."""
    aggregate: Literal["all", "fraction"] = "all"
    """1 when every test passes, or the share of tests that pass."""
    limits: Limits = Field(default_factory=Limits)
    max_tests: Annotated[int, Field(ge=1)] | None = None
    """Judge by so many tests at most."""
    select: Literal["first", "longest"] = "first"
    """Which tests `max_tests` keeps: the first, or those with the longest input, in their order."""
    stop_on_failure: bool = False
    allow_shared: bool = False
    """Accept tests that must share the candidate's process, where it can tamper with them."""

    @model_validator(mode="after")
    def _selects_of_some_number(self) -> CodeParameters:
        if self.select != "first" and self.max_tests is None:
            raise ValueError("'select' chooses which tests 'max_tests' keeps: give 'max_tests' too")
        return self


class CodeReference(ReferenceModel):
    """The tests, in the sandbox's format."""

    tests: JsonObject


class CodeReward(RemoteReward[CodeParameters]):
    """Unit tests as a reward; exit codes, prints and overloaded operators of the candidate prove nothing."""

    type_name = "code"
    version = 1
    Parameters = CodeParameters

    async def score(self, sample: Sample, parameters: CodeParameters, services: Services) -> Score:
        """Judge the program of one completion."""
        reference = read_reference(sample, CodeReference)
        program = _program(sample.completion, parameters)
        request = _request(program or "", reference, parameters)
        if program is None or not program.strip():
            return Score(0.0, Verdict.NO_ANSWER, {"reason": "no_program", "extract": parameters.extract})
        if len(program) > MAX_PROGRAM_CHARACTERS:
            return Score(0.0, Verdict.COMPILE_ERROR, {"reason": "too_large"})
        positions: list[int] | None = None
        if parameters.select == "longest" and parameters.max_tests is not None:
            request, positions = longest_inputs(request, parameters.max_tests)
        result = await _judged(request, services)
        if positions is not None:
            for test in result.tests:
                test.index = positions[test.index]
        return _score(result, parameters)


async def _judged(request: JudgeRequest, services: Services) -> JudgeResult:
    try:
        return await services.sandbox.judge(request)
    except UnusableTests as error:
        raise ItemInvalid(ErrorCode.UNUSABLE_REFERENCE, error.message) from None
    except SandboxUnavailable as error:
        starved = error.code == "starved"
        code = ErrorCode.SANDBOX_STARVED if starved else ErrorCode.SANDBOX_UNAVAILABLE
        raise ItemFaulted(code, error.message) from None


def _program(completion: str, parameters: CodeParameters) -> str | None:
    if parameters.extract == "whole":
        return completion
    return last_fence(completion, parameters.language)


def _request(program: str, reference: CodeReference, parameters: CodeParameters) -> JudgeRequest:
    """The sandbox's request; built even where there is no program, so that bad tests always show."""
    try:
        return JudgeRequest.model_validate(
            {
                "language": parameters.language,
                "code": program[: MAX_PROGRAM_CHARACTERS + 1],
                "tests": reference.tests,
                "limits": parameters.limits,
                "max_tests": parameters.max_tests if parameters.select == "first" else None,
                "stop_on_failure": parameters.stop_on_failure,
                "allow_shared": parameters.allow_shared,
            }
        )
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ItemInvalid(ErrorCode.UNUSABLE_REFERENCE, f"reference.{where}: {first['msg']}") from None


def _score(result: JudgeResult, parameters: CodeParameters) -> Score:
    detail: dict[str, Any] = result.model_dump(exclude={"verdict"}, exclude_none=True)
    verdict = Verdict(result.verdict)
    if parameters.aggregate == "all":
        return Score(1.0 if verdict is Verdict.CORRECT else 0.0, verdict, detail)
    if 0 < result.passed < result.total:
        verdict = Verdict.PARTIAL
    return Score(result.passed / result.total, verdict, detail)
