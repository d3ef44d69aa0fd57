"""``exact``, ``choice``, ``numeric``, ``contains``, ``f1``: golden tables."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.errors import ItemInvalid
from verifier.rewards.extraction import boxed, find_answers, tagged
from verifier.rewards.numeric import read_numbers

CORRECT, INCORRECT, NO_ANSWER, AMBIGUOUS = "correct", "incorrect", "no_answer", "ambiguous"


@pytest.mark.parametrize(
    ("completion", "found"),
    [
        ("<answer> 4 </answer>", ["4"]),
        ("<think><answer>3</answer></think><answer>4</answer>", ["4"]),
        ("\\boxed{\\frac{1}{2}} and \\boxed{3}", ["\\frac{1}{2}", "3"]),
        ("\\boxed{4", ["\\boxed{4"]),
        ("6 * 3 = 18\n#### 18", ["18"]),
        ("**Final Answer:** 42", ["42"]),
        ("The answer is 42.", ["42"]),
        ("I think it is 42", ["I think it is 42"]),
        ("<answer>4", ["<answer>4"]),
        ("", []),
    ],
)
def test_auto_takes_the_first_marked_place_else_the_whole(completion: str, found: list[str]) -> None:
    assert find_answers(completion, "auto") == found


@pytest.mark.parametrize(
    ("completion", "more", "value", "verdict"),
    [
        ("<answer>Paris</answer>", {}, 1, CORRECT),
        ("<answer> paris </answer>", {}, 1, CORRECT),
        ("<answer>Paris</answer>", {"normalize": "none"}, 1, CORRECT),
        ("<answer>paris</answer>", {"normalize": "none"}, 0, INCORRECT),
        ("<answer>The Paris!</answer>", {"normalize": "qa"}, 1, CORRECT),
        ("<answer>The Paris!</answer>", {}, 0, INCORRECT),
        ("<answer>Paris</answer><answer>Rome</answer>", {}, 0, AMBIGUOUS),
        ("<answer>Paris</answer><answer>PARIS</answer>", {}, 1, CORRECT),
        ("Paris", {"extract": "answer_tag"}, 0, NO_ANSWER),
        ("it is\nParis", {"extract": "last_line"}, 1, CORRECT),
        ("", {}, 0, NO_ANSWER),
    ],
)
def test_exact(judge: Any, completion: str, more: dict[str, Any], value: float, verdict: str) -> None:
    score = judge({"type": "exact", **more}, completion, {"answer": ["Paris", "City of Light"]})
    assert (score.value, score.verdict) == (value, verdict)


@pytest.mark.parametrize(
    ("answer", "value", "verdict"),
    [
        ("B", 1, CORRECT),
        ("(b)", 1, CORRECT),
        ("**B.** Paris", 1, CORRECT),
        ("Option B", 1, CORRECT),
        ("\\textbf{(B)}", 1, CORRECT),
        ("$B$", 1, CORRECT),
        ("Paris", 1, CORRECT),
        ("A", 0, INCORRECT),
        ("London", 0, INCORRECT),
        ("A or B", 0, AMBIGUOUS),
        ("A, B", 0, AMBIGUOUS),
        ("(A), (B), (C)", 0, AMBIGUOUS),
        ("A/B", 0, AMBIGUOUS),
        ("B) London", 0, AMBIGUOUS),
        ("Because it is big", 0, NO_ANSWER),
        ("A dog", 0, NO_ANSWER),
        ("Z", 0, NO_ANSWER),
        ("", 0, NO_ANSWER),
    ],
)
def test_choice(judge: Any, answer: str, value: float, verdict: str) -> None:
    reference = {"answer": "B", "options": ["London", "Paris", "Rome"]}
    score = judge({"type": "choice"}, f"<answer>{answer}</answer>", reference)
    assert (score.value, score.verdict) == (value, verdict)


def test_choice_of_yes_and_no(judge: Any) -> None:
    spec = {"type": "choice", "choices": ["yes", "no"]}
    assert judge(spec, "<answer>Yes, it is.</answer>", {"answer": "yes"}).value == 1
    assert judge(spec, "<answer>Yes, no</answer>", {"answer": "yes"}).verdict == AMBIGUOUS


def test_choice_needs_a_reference_among_its_choices(judge: Any) -> None:
    with pytest.raises(ItemInvalid):
        judge({"type": "choice"}, "B", {"answer": "Q"})


NUMBERS = [
    ("-5", ["-5"]),
    ("10-5", ["10", "5"]),
    ("10 - 5", ["10", "5"]),
    ("it is -5", ["-5"]),
    ("x = -5", ["-5"]),
    ("−7", ["-7"]),
    ("-$5", ["-5"]),
    ("1,234.5", ["2469/2"]),
    ("12,345,678 dollars", ["12345678"]),
    ("3/4", ["3/4"]),
    ("12%", ["3/25"]),
    ("1.5e3", ["1500"]),
    (".5", ["1/2"]),
    ("3.", ["3"]),
    ("5cm", ["5"]),
    ("x2", []),
    ("x-5", []),
    ("1.2.3", []),
    ("1/2/3", []),
    ("5/0", []),
    ("1e9999999999", []),
    ("9" * 300, []),
]


@pytest.mark.parametrize(("text", "numbers"), NUMBERS)
def test_numbers_keep_their_sign_and_differences_are_none(text: str, numbers: list[str]) -> None:
    assert [str(number) for number in read_numbers(text)] == numbers


@given(st.integers(-(10**18), 10**18), st.sampled_from(["{}", "it is {}", "= {} units", "${}$", "{}."]))
def test_any_integer_is_read_back(number: int, frame: str) -> None:
    assert read_numbers(frame.format(number)) == [number]


@given(st.decimals(-(10**9), 10**9, places=4))
def test_any_decimal_is_read_back(number: Any) -> None:
    assert read_numbers(f"{number:f}") == [Fraction(number)]


@given(st.text(alphabet="0123456789.,-+/eE%$ x)(", max_size=60))
def test_reading_numbers_never_fails(text: str) -> None:
    read_numbers(text)


@pytest.mark.parametrize(
    ("completion", "more", "value", "verdict"),
    [
        ("<answer>18</answer>", {}, 1, CORRECT),
        ("<answer>18.0 dollars</answer>", {}, 1, CORRECT),
        ("<answer>-18</answer>", {}, 0, INCORRECT),
        ("<answer>6 * 3 = 18</answer>", {}, 0, AMBIGUOUS),
        ("<answer>none</answer>", {}, 0, NO_ANSWER),
        ("9 + 9 = 18", {"extract": "last_number"}, 1, CORRECT),
        ("18 = 9 + 9", {"extract": "last_number"}, 0, INCORRECT),
        ("<answer>18.1</answer>", {}, 0, INCORRECT),
        ("<answer>18.1</answer>", {"absolute": 0.1}, 1, CORRECT),
        ("<answer>18.1</answer>", {"relative": 0.01}, 1, CORRECT),
        ("<answer>18</answer><answer>18.0</answer>", {}, 1, CORRECT),
    ],
)
def test_numeric(judge: Any, completion: str, more: dict[str, Any], value: float, verdict: str) -> None:
    score = judge({"type": "numeric", **more}, completion, {"answer": "18"})
    assert (score.value, score.verdict) == (value, verdict)


@pytest.mark.parametrize("answer", ["about ten", "1 or 2", "", [], ["3", "x"]])
def test_a_reference_that_is_no_number_is_invalid(judge: Any, answer: object) -> None:
    with pytest.raises(ItemInvalid):
        judge({"type": "numeric"}, "<answer>3</answer>", {"answer": answer})


@pytest.mark.parametrize(
    ("completion", "more", "value"),
    [
        ("The cat sat.", {}, 1),
        ("It concatenates.", {}, 0),
        ("It concatenates.", {"whole_words": False}, 1),
        ("A CAT", {}, 1),
        ("A CAT", {"normalize": "none"}, 0),
        ("the cat", {"match": "all"}, 0),
        ("the cat and the dog", {"match": "all"}, 1),
        ("<think>the cat</think> a fish", {}, 0),
        ("", {}, 0),
    ],
)
def test_contains(judge: Any, completion: str, more: dict[str, Any], value: float) -> None:
    assert judge({"type": "contains", **more}, completion, {"answer": ["cat", "dog"]}).value == value


@pytest.mark.parametrize(
    ("answer", "golds", "metric", "value"),
    [
        ("Barack Obama", ["Barack Obama"], "f1", 1),
        ("Obama", ["Barack Obama"], "f1", 2 / 3),
        ("president Barack Obama", ["Barack Obama"], "f1", 0.8),
        ("the obama!", ["Obama"], "f1", 1),
        ("Biden", ["Obama"], "f1", 0),
        ("yes", ["yes"], "f1", 1),
        ("yes indeed", ["yes"], "f1", 0),
        ("no", ["yes, no"], "f1", 0),
        ("Obama", ["Biden", "Obama"], "f1", 1),
        ("Barack Hussein Obama", ["Obama"], "exact", 0),
        ("Barack Hussein Obama", ["Obama"], "cover", 1),
        ("Obamacare", ["Obama"], "cover", 0),
        ("a b a", ["a b"], "f1", 1),
    ],
)
def test_f1(judge: Any, answer: str, golds: list[str], metric: str, value: float) -> None:
    score = judge({"type": "f1", "metric": metric}, f"<answer>{answer}</answer>", {"answer": golds})
    assert score.value == pytest.approx(value)


@pytest.mark.parametrize("kind", ["exact", "choice", "numeric", "contains", "f1"])
def test_without_a_usable_reference_the_item_is_invalid(judge: Any, kind: str) -> None:
    for reference in (None, {}, {"answer": ""}, {"answer": {}}):
        with pytest.raises(ItemInvalid):
            judge({"type": kind}, "<answer>x</answer>", reference)


@given(st.text(max_size=200))
def test_finders_find_only_what_stands_there(text: str) -> None:
    for found in (*tagged(text, "answer"), *boxed(text)):
        assert found in text


@given(st.text(alphabet="ab{}\\", max_size=30).filter(lambda text: text.count("{") == text.count("}")))
def test_a_box_of_balanced_text_is_read_back(inside: str) -> None:
    depth = 0
    for character in inside:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            return
    assert boxed(f"so \\boxed{{{inside}}} it is")[0] == inside.strip()
