"""``code_credit``: partial credit for programs, from the tests that a ``code`` reward ran.

- ``codeforces`` (Open-R1's ``cf_code``): 1[all pass] + .1·share of tests passed; −.1 for what does not
  compile, −1 for no program.
- ``strict`` (MiMo, arXiv 2505.07608, §3.3.1): tests stand in groups from easy to hard, each with a score; a
  group's score counts when it and all easier groups pass whole.
- ``soft`` (same place): a group's score is split evenly over its tests.

The groups are ``reference.difficulty: [{"tests": [0, 1], "score": 0.4}, …]``, easiest first, tests from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.base import (
    Combinator,
    Part,
    ReferenceModel,
    RewardParameters,
    Sample,
    Score,
    read_reference,
)
from verifier.rewards.combinators import explain
from verifier.schema import RewardSpec, Verdict


class DifficultyGroup(ReferenceModel):
    """Tests of one difficulty and what they are worth together."""

    tests: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    score: Annotated[float, Field(gt=0)]


class DifficultyReference(ReferenceModel):
    """The groups, easiest first."""

    difficulty: Annotated[list[DifficultyGroup], Field(min_length=1, max_length=100)]


class CodeCreditParameters(RewardParameters):
    """The ``code`` reward (``aggregate`` ``fraction``) and the form of the credit."""

    type: Literal["code_credit"]
    of: RewardSpec
    form: Literal["codeforces", "strict", "soft"]


class CodeCreditReward(Combinator[CodeCreditParameters]):
    """The credit of the form; the verdict is that of the program."""

    type_name = "code_credit"
    Parameters = CodeCreditParameters

    def parts(self, parameters: CodeCreditParameters) -> Mapping[str, RewardSpec]:
        """The one reward."""
        return {"of": parameters.of}

    def combine(self, sample: Sample, parts: Mapping[str, Part], parameters: CodeCreditParameters) -> Score:
        """Work out the credit from the part's tests."""
        groups = (
            None
            if parameters.form == "codeforces"
            else read_reference(sample, DifficultyReference).difficulty
        )
        code = parts["of"]()
        value = (
            _codeforces(code) if groups is None else _by_difficulty(groups, code, parameters.form == "strict")
        )
        return Score(value, code.verdict, {"parts": {"of": explain(code)}})


def _codeforces(code: Score) -> float:
    if code.verdict is Verdict.NO_ANSWER:
        return -1.0
    if code.verdict is Verdict.COMPILE_ERROR:
        return -0.1
    return float(code.value >= 1.0) + 0.1 * code.value


def _by_difficulty(groups: list[DifficultyGroup], code: Score, strict: bool) -> float:
    passed = {test["index"]: test["verdict"] == "correct" for test in code.detail.get("tests", ())}
    known = code.detail.get("total")
    if known is not None and any(test >= known for group in groups for test in group.tests):
        raise ItemInvalid(
            ErrorCode.UNUSABLE_REFERENCE, "reference.difficulty: names a test that there is not"
        )
    value = 0.0
    for group in groups:
        share = sum(passed.get(test, False) for test in group.tests) / len(group.tests)
        if strict and share < 1.0:
            return value
        value += group.score * share
    return value
