"""What an adversary sends: every reward type answers with a score, and long texts cost linear time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.rewards.base import ItemReward, RemoteReward
from verifier.rewards.registry import reward_types

RIGHT = {"type": "exact", "extract": "whole"}
REWARDS: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
    ({"type": "format", "preset": "think_answer"}, None),
    ({"type": "format", "preset": "boxed"}, None),
    ({"type": "format", "preset": "code_fence"}, None),
    ({"type": "format", "tags": ["think", "answer"]}, None),
    ({"type": "format", "pattern": "(a+)+b", "mode": "search"}, None),
    ({"type": "tag_count"}, None),
    ({"type": "reasoning_steps"}, None),
    ({"type": "finished"}, None),
    ({"type": "exact"}, {"answer": "4"}),
    ({"type": "choice"}, {"answer": "B"}),
    ({"type": "numeric"}, {"answer": "4"}),
    ({"type": "numeric", "extract": "last_number"}, {"answer": "4"}),
    ({"type": "contains"}, {"answer": "4"}),
    ({"type": "f1"}, {"answer": "four"}),
    ({"type": "length", "form": "overlong", "unit": "words", "max_length": 9, "cache": 9}, None),
    ({"type": "length", "form": "kimi", "unit": "characters", "correct": RIGHT}, {"answer": "4"}),
    ({"type": "repetition", "n": 40}, None),
    ({"type": "repetition", "form": "dense"}, None),
    ({"type": "repetition", "form": "suffix", "n": 40}, None),
    ({"type": "countdown"}, {"target": 24, "numbers": [1, 2, 3, 4]}),
    ({"type": "knights_knaves"}, {"solution_text_format": "(1) Zoey is a knight"}),
    ({"type": "sudoku"}, {"puzzle": "...." * 3 + "4321"}),
    ({"type": "json", "schema": {"type": "object"}}, None),
    ({"type": "tool_call"}, {"tool_calls": [{"name": "f", "arguments": {"x": 1}}]}),
    ({"type": "iou"}, {"boxes": [[0, 0, 1, 1]]}),
    ({"type": "similarity"}, {"files": {"a": "b"}, "changed": {"a": "c"}}),
    ({"type": "bleu"}, {"answer": "four"}),
    ({"type": "chrf"}, {"answer": "four"}),
    ({"type": "language", "language": "en"}, None),
    ({"type": "sql_length"}, None),
    ({"type": "instruction"}, {"func_name": "verify_sentence_constraint", "N": 3, "quantifier": "at most"}),
    (
        {"type": "instruction"},
        {
            "instruction_id_list": [
                "length_constraints:number_sentences",
                "detectable_format:title",
                "detectable_format:number_highlighted_sections",
                "detectable_content:postscript",
                "language:response_language",
                "change_case:capital_word_frequency",
            ],
            "kwargs": [
                {"num_sentences": 3, "relation": "at least"},
                {},
                {"num_highlights": 3},
                {"postscript_marker": "P.S."},
                {"language": "en"},
                {"capital_frequency": 3, "capital_relation": "less than"},
            ],
        },
    ),
]
IDS = [f"{spec['type']}-{number}" for number, (spec, _) in enumerate(REWARDS)]

LENGTH = 1 << 17
LONG = {
    "letters": "a" * LENGTH,
    "words": "a " * (LENGTH // 2),
    "digits": "9" * LENGTH,
    "signs": "- " * (LENGTH // 2) + "5",
    "numbers": "1,1." * (LENGTH // 4),
    "dots": "a." * (LENGTH // 2),
    "breaks": "\n" * LENGTH,
    "open tags": "<answer>" * (LENGTH // 8),
    "closed tags": "<answer>x</answer>" * (LENGTH // 18),
    "thoughts": "<think>x</think>" * (LENGTH // 16),
    "open boxes": "\\boxed{" * (LENGTH // 7),
    "boxes": "\\boxed{1}" * (LENGTH // 9),
    "brackets": "[" * LENGTH,
    "stars": "*" * LENGTH,
    "hashes": "#### \n" * (LENGTH // 6),
    "answers": "Answer: \n" * (LENGTH // 9),
    "fences": "```\n" * (LENGTH // 4),
    "angles": "<" * LENGTH,
    "dollars": "$a" * (LENGTH // 2),
    "slashes": "1/" * (LENGTH // 2),
    "spaces": " " * LENGTH,
}


def test_every_type_of_its_own_is_in_the_table() -> None:
    alone = {name for name, reward in reward_types().items() if isinstance(reward, ItemReward)} - {"math"}
    assert alone <= {spec["type"] for spec, _ in REWARDS}
    assert {name for name, reward in reward_types().items() if isinstance(reward, RemoteReward)} >= {"code"}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", LONG)
def test_a_long_text_of_anything_is_judged(judge: Any, text: str) -> None:
    for spec, reference in REWARDS:
        score = judge(spec, LONG[text], reference)
        assert -1_000_000 <= score.value <= 1, spec


TAGS = ["<think>", "</think>", "<answer>", "</answer>", "<tool_call>", "</tool_call>", "<solution>"]
MARKS = ["\\boxed{", "}", "{", "```", "\n", "Answer:", "#### ", "[", "]", "*", '"', ".", "-"]
WORDS = ["4", "B", "knight", "Zoey is a ", "é", "\u0000", "\ud7ff"]
PIECES = st.sampled_from(TAGS + MARKS + WORDS)
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=25).map("".join)


@pytest.mark.parametrize(("spec", "reference"), REWARDS, ids=IDS)
@settings(max_examples=40)
@given(completion=TEXTS)
def test_no_text_makes_a_reward_fail(
    judge: Any, spec: dict[str, Any], reference: dict[str, Any] | None, completion: str
) -> None:
    assert judge(spec, completion, reference).value <= 1
