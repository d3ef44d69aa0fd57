"""Formats, by a golden table; and what public format rewards are farmed by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.base import Sample
from verifier.rewards.format import PRESETS, FormatParameters, FormatReward
from verifier.schema import Verdict

GOOD = "<think>a</think><answer>b</answer>"
LINES = "<think>\na\n</think>\n<answer>\nb\n</answer>"


def holds(completion: str, **parameters: object) -> bool:
    bound = FormatParameters.model_validate({"type": "format", **parameters})
    score = FormatReward().score(Sample(completion), bound)
    assert score.verdict is Verdict.SCORED
    return score.value == 1.0


@pytest.mark.parametrize(
    ("preset", "completion", "expected"),
    [
        ("think_answer", GOOD, True),
        ("think_answer", f"\n {GOOD}\n", True),
        ("think_answer", "<think>a</think>\n\n<answer>b</answer>", True),
        ("think_answer", LINES, True),
        ("think_answer", f"{GOOD} and more", False),
        ("think_answer", f"well {GOOD}", False),
        ("think_answer", f"{GOOD}<answer>c</answer>", False),
        ("think_answer", "<think></think><answer>b</answer>", False),
        ("think_answer", "<think> \n</think><answer>b</answer>", False),
        ("think_answer", "<think>a</think><answer></answer>", False),
        ("think_answer", "<think>a</think>between<answer>b</answer>", False),
        ("think_answer", "<answer>b</answer><think>a</think>", False),
        ("think_answer", "<think>a<think>b</think><answer>c</answer>", False),
        ("think_answer", "<think>a</think><think>b</think><answer>c</answer>", False),
        ("think_answer", "<think>a<answer>x</answer></think><answer>b</answer>", False),
        ("think_answer", "<think>a</think><answer>b", False),
        ("think_answer", "", False),
        ("think_answer_newlines", LINES, True),
        ("think_answer_newlines", GOOD, False),
        ("think_answer_newlines", LINES + "\n", False),
        ("think_answer_newlines", LINES.replace("\n<answer>", "\n\n<answer>"), False),
        ("think", "<think>a</think>b", True),
        ("think", "<think>a</think>", False),
        ("think", "x<think>a</think>b", False),
        ("think", "<think></think>b", False),
        ("think", "<think>a</think>b</think>c", False),
        ("answer", "reasoning <answer>b</answer>", True),
        ("answer", "<answer>b</answer> more", False),
        ("answer", "<answer></answer>", False),
        ("answer", "<answer>a</answer><answer>b</answer>", False),
        ("boxed", "so \\boxed{\\frac{1}{2}} it is", True),
        ("boxed", "so \\boxed{}", False),
        ("boxed", "so \\boxed{1", False),
        ("boxed", "no box", False),
        ("code_fence", "```python\nx\n```", True),
        ("code_fence", "```\n\n```", False),
        ("code_fence", "```python\nx", False),
    ],
)
def test_a_preset_holds_exactly_where_its_form_does(preset: str, completion: str, expected: bool) -> None:
    assert holds(completion, preset=preset) is expected


@pytest.mark.parametrize(
    ("pattern", "mode", "completion", "expected"),
    [
        (r"<a>.*</a>", "fullmatch", "<a>x\ny</a>", True),
        (r"<a>.*</a>", "fullmatch", "<a>x</a> ", False),
        (r"\d+", "search", "abc 12", True),
        (r"\d+", "fullmatch", "abc 12", False),
        (r"^\d+$", "search", "12\nabc", False),
        (r"", "search", "x", None),
    ],
)
def test_a_pattern_covers_the_whole_text_or_occurs_in_it(
    pattern: str, mode: str, completion: str, expected: bool | None
) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="at least 1 character"):
            holds(completion, pattern=pattern, mode=mode)
    else:
        assert holds(completion, pattern=pattern, mode=mode) is expected


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a{1001}", "(a{1000}){1000}"])
def test_a_pattern_that_re2_does_not_take_is_unusable(pattern: str) -> None:
    with pytest.raises(ItemInvalid) as caught:
        holds("a", pattern=pattern)
    assert caught.value.code is ErrorCode.UNUSABLE_PARAMETER


@pytest.mark.parametrize(
    "wrong", [{}, {"pattern": "a", "preset": "boxed"}, {"preset": "boxed", "mode": "search"}]
)
def test_pattern_and_preset_exclude_each_other(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"pattern|preset"):
        FormatParameters.model_validate({"type": "format", **wrong})


@given(st.text(alphabet=st.characters(exclude_characters="<>"), min_size=1), st.text(min_size=1))
def test_whatever_is_thought_and_answered_the_form_holds(thought: str, answer: str) -> None:
    filled = bool(thought.strip()) and bool(answer.strip()) and "<" not in answer
    if filled:
        assert holds(f"<think>{thought}</think><answer>{answer}</answer>", preset="think_answer")


@given(st.text(alphabet="<>/thinkaswer \n`{}\\boxed", max_size=300), st.sampled_from(sorted(PRESETS)))
def test_any_text_is_judged(text: str, preset: str) -> None:
    assert holds(text, preset=preset) in (True, False)
