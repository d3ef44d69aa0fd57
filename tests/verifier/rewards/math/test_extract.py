"""Where the final answer stands, and where it does not."""

from __future__ import annotations

import time

import pytest

from verifier.rewards.math.extract import extract, extract_reference, is_placeholder

AUTO = ["auto"]

FOUND = [
    # completion, source, candidates
    (r"The result is \boxed{42}.", "boxed", ("42",)),
    (r"<think>trying \boxed{41}</think> So \boxed{42}.", "boxed", ("42",)),
    (r"Nested \boxed{\frac{1}{\sqrt{2}}}", "boxed", (r"\frac{1}{\sqrt{2}}",)),
    (r"Set \boxed{\{1,2\}}", "boxed", (r"\{1,2\}",)),
    (r"In a frame \fbox{7}", "boxed", ("7",)),
    (r"Bare \boxed 5 here", "boxed", ("5",)),
    (r"Spaced \boxed {5}", "boxed", ("5",)),
    (r"A box in a box \boxed{\boxed{5}}", "boxed", (r"\boxed{5}",)),
    (r"Said twice: \boxed{5}. Again: \boxed{5}", "boxed", ("5",)),
    (r"First \boxed{5}. Then on reflection \boxed{6}", "boxed", ("5", "6")),
    (r"Both \boxed{1} and \boxed{2}", "boxed", ("1, 2",)),
    (r"Either $\boxed{3}$ or $\boxed{5}$", "boxed", ("3, 5",)),
    (r"Put it as \boxed{\phantom{xx}}: here, \boxed{9}", "boxed", ("9",)),
    (r"Answer in the form \boxed{\text{your answer}}. I say \boxed{9}", "boxed", ("9",)),
    (r"An open box \boxed{1 and then \boxed{2}", "boxed", ("2",)),
    ("<think>no</think><answer>42</answer>", "answer_tag", ("42",)),
    ("<answer> 3/4 </answer>", "answer_tag", ("3/4",)),
    (r"<answer>It is \boxed{3}</answer>", "answer_tag", ("3",)),
    ("<answer>The answer is 12.</answer>", "answer_tag", ("12",)),
    ("<answer>12", "answer_tag", ("12",)),
    ("<answer>1</answer><answer>2</answer>", "answer_tag", ("1", "2")),
    (r"\boxed{1} <answer>2</answer>", "answer_tag", ("2",)),
    ("She pays 18.\n#### 18", "hash", ("18",)),
    ("#### Step 1: add 3\nWe add.\n#### 1,234", "hash", ("1,234",)),
    ("#### -5", "hash", ("-5",)),
    ("We multiply. **Answer:** 42", "answer_line", ("42",)),
    ("The final answer is 42.", "answer_line", ("42",)),
    ("Hence the answer is $-3$.", "answer_line", ("$-3$",)),
    ("**Final Answer**\n\n42", "answer_line", ("42",)),
    ("Answer: (B)", "answer_line", ("(B)",)),
    ("答案是 12。", "answer_line", ("12",)),
    ("答え：12", "answer_line", ("12",)),
    ("La réponse est 12.", "answer_line", ("12",)),
    ("La respuesta es 12.", "answer_line", ("12",)),
    ("Die Antwort ist 12.", "answer_line", ("12",)),
    ("Ответ: 12", "answer_line", ("12",)),
    ("the answer is 11, the answer is 12", "answer_line", ("11", "12")),
]


@pytest.mark.parametrize(("completion", "source", "candidates"), FOUND)
def test_an_answer_is_found(completion: str, source: str, candidates: tuple[str, ...]) -> None:
    found = extract(completion, AUTO)

    assert found is not None
    assert (found.source, found.candidates) == (source, candidates)


NOT_FOUND = [
    "",
    "No idea, sorry.",
    "The sum is 3 and the product 42",
    r"\boxed{}",
    r"\boxed{ }",
    r"\boxed{?}",
    r"\boxed{\ldots}",
    r"\boxed{\phantom{42}}",
    r"\boxed{\text{your answer here}}",
    r"\boxed{42",
    r"<think>I believe \boxed{42}",
    r"<think>\boxed{42}</think>",
    "<answer></answer>",
    "#### Conclusion",
]


@pytest.mark.parametrize("completion", NOT_FOUND)
def test_no_answer_is_made_up(completion: str) -> None:
    assert extract(completion, AUTO) is None


def test_the_last_number_counts_only_where_it_is_asked_for() -> None:
    text = "First 3, then 1,234.5 in all"

    assert extract(text, AUTO) is None
    assert extract(text, ["last_number"]).candidates == ("1,234.5",)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "number"), [("so -7", "-7"), ("x=3/4", "3/4"), ("costs $5", "$5"), ("2 .5", ".5")]
)
def test_the_last_number_has_its_sign_and_fraction(text: str, number: str) -> None:
    assert extract(text, ["last_number"]).candidates == (number,)  # type: ignore[union-attr]


def test_ways_are_tried_in_the_order_given() -> None:
    text = "#### 1\n\\boxed{2}"

    assert extract(text, ["hash", "boxed"]).candidates == ("1",)  # type: ignore[union-attr]
    assert extract(text, ["boxed", "hash"]).candidates == ("2",)  # type: ignore[union-attr]
    assert extract("4", ["boxed", "whole"]).source == "whole"  # type: ignore[union-attr]


def test_many_different_answers_are_counted_as_crowded() -> None:
    spam = " ".join(f"The answer is {number}." for number in range(50))

    found = extract(spam, AUTO)

    assert found is not None
    assert found.crowded


@pytest.mark.parametrize(
    "piece", ["{", "}", "\\boxed{", "<answer>", "#### ", "the answer is ", "\\", "(", "1,", "$"]
)
def test_a_megabyte_of_anything_is_read_in_linear_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = time.process_time()

    extract(text, ["auto", "last_number"])

    assert time.process_time() - started < 20  # quadratic code needs hours


@pytest.mark.parametrize(
    ("reference", "mode", "answer"),
    [
        ("42", "auto", "42"),
        (r"Long work. So $x = \boxed{42}$.", "auto", "42"),
        ("Work.\n#### 18", "auto", "18"),
        (r"\boxed{42}", "whole", r"\boxed{42}"),
        ("42", "boxed", ""),
        ("Work.\n#### 18", "hash", "18"),
    ],
)
def test_a_reference_may_be_a_whole_solution(reference: str, mode: str, answer: str) -> None:
    assert extract_reference(reference, mode) == answer


@pytest.mark.parametrize(
    "text", ["", "  ", "?", "...", r"\square", "final answer", r"\text{answer}", "[your answer]"]
)
def test_placeholders_are_no_answers(text: str) -> None:
    assert is_placeholder(text)


@pytest.mark.parametrize("text", ["0", "x", "A", r"\emptyset", "yes", r"\{\}", "answer 5"])
def test_answers_are_no_placeholders(text: str) -> None:
    assert not is_placeholder(text)
