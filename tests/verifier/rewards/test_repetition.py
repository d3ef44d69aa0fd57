"""``repetition``: against a definition that is slow and plain."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.rewards.base import Sample
from verifier.rewards.repetition import RepetitionParameters, RepetitionReward, looping_suffix

words = st.lists(st.sampled_from("abcd"), max_size=60)


def score(text: str, **more: Any) -> float:
    parameters = RepetitionParameters.model_validate({"type": "repetition", **more})
    return RepetitionReward().combine(Sample(text), {}, parameters).value


@pytest.mark.parametrize(
    ("text", "more", "value"),
    [
        ("a b c d", {}, 0),
        ("", {}, 0),
        ("a b", {}, 0),
        ("a b c a b c", {}, -0.25),
        ("A b c a B c", {}, -0.25),
        ("a a a a a", {}, -2 / 3),
        ("a b a b", {"n": 1}, -0.5),
        ("a b c a b c", {"penalty": -2}, -0.5),
        ("a b c a b c", {"form": "dense", "penalty": -0.05}, -0.15),
        ("a a a a a", {"form": "dense", "penalty": -0.05}, -0.2),
        ("so it is so it is so it is so it is", {"form": "suffix"}, -1),
        ("so it is so it is so it is", {"form": "suffix"}, 0),
        ("so it is so it is so it is", {"form": "suffix", "loops": 3}, -1),
        ("so it is so it is so it is so it is done", {"form": "suffix"}, 0),
    ],
)
def test_by_hand(text: str, more: dict[str, Any], value: float) -> None:
    assert score(text, **more) == pytest.approx(value)


@given(words, st.integers(1, 20))
def test_ngrams_agree_with_the_definition(text: list[str], n: int) -> None:
    grams = [tuple(text[i : i + n]) for i in range(len(text) - n + 1)]
    expected = len(set(grams)) / len(grams) - 1 if grams else 0
    assert score(" ".join(text), n=n) == pytest.approx(expected)


@given(words, st.integers(1, 20))
def test_dense_counts_the_words_that_lie_in_a_repeated_ngram(text: list[str], n: int) -> None:
    covered: set[int] = set()
    seen: set[tuple[str, ...]] = set()
    for start in range(len(text) - n + 1):
        gram = tuple(text[start : start + n])
        covered |= set(range(start, start + n)) if gram in seen else set()
        seen.add(gram)
    assert score(" ".join(text), n=n, form="dense") == -len(covered)


@given(words, st.integers(1, 10), st.integers(2, 5))
def test_a_loop_at_the_end_is_the_shortest_block_that_repeats(
    text: list[str], longest: int, loops: int
) -> None:
    blocks = [
        period
        for period in range(1, longest + 1)
        if period * loops <= len(text) and text[-period * loops :] == text[-period:] * loops
    ]
    assert looping_suffix(text, longest, loops) == (blocks[0] if blocks else None)


def test_right_answers_are_spared(judge: Any) -> None:
    spec = {"type": "repetition", "n": 1, "unless": {"type": "contains"}}
    assert judge(spec, "four four", {"answer": "four"}).value == 0
    assert judge(spec, "five five", {"answer": "four"}).value == -0.5
