"""``instruction``: each of the 50 published checks, followed and not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.errors import ItemInvalid
from verifier.rewards.instruction import ifeval, tulu
from verifier.rewards.instruction.measures import count_between, count_sentences, count_words

N = {"N": 2}
AT_LEAST, AROUND, AT_MOST = (
    {"N": 20, "quantifier": quantifier} for quantifier in ("at least", "around", "at most")
)

TULU: list[tuple[str, dict[str, Any], list[str], list[str]]] = [
    ("verify_keywords", {"keyword_list": ["cat", "Dog"]}, ["A CAT and a dogma"], ["a cat"]),
    ("verify_keyword_frequency", {"word": "cat", **N}, ["Cat, cat!"], ["cat", "cat cat cat", "cats cats"]),
    ("validate_forbidden_words", {"forbidden_words": ["bad"]}, ["good"], ["BAD", "badge"]),
    ("verify_letter_frequency", {"letter": "l", **N}, ["hello"], ["Lol", "lull"]),
    (
        "validate_response_language",
        {"language": "fr"},
        ["Bonjour à tous, comment allez-vous aujourd'hui ?"],
        ["Hello everyone, how are you doing today?"],
    ),
    ("verify_paragraph_count", N, ["a\n* * *\nb"], ["a", "a\n* * *\n", "a * * * b * * * c"]),
    ("validate_word_constraint", AT_LEAST, ["w " * 20, "w " * 21], ["w " * 19]),
    ("validate_word_constraint", AROUND, ["w " * 18, "w " * 22], ["w " * 17, "w " * 23]),
    ("validate_word_constraint", AT_MOST, ["w " * 20], ["w " * 21]),
    ("verify_sentence_constraint", {"N": 3, "quantifier": "at least"}, ["A. B. C."], ["A. B."]),
    ("verify_sentence_constraint", {"N": 3, "quantifier": "around"}, ["A. B.", "A. B. C. D."], ["A."]),
    ("verify_sentence_constraint", {"N": 2, "quantifier": "at most"}, ["See Dr. Who. Go."], ["A. B. C."]),
    (
        "validate_paragraphs",
        {"N": 2, "first_word": "Then", "i": 2},
        ["First.\n\nThen."],
        ["First.", "Then.\n\nFirst.", "First.\n\nthen"],
    ),
    ("verify_postscript", {"postscript_marker": "P.S."}, ["Bye. P.S. More"], ["Bye", "Bye. P.S."]),
    ("validate_placeholders", N, ["[a] and [b]", "[] []"], ["[a]", "[a\nb] [c]"]),
    ("verify_bullet_points", N, ["* a\n - b", "- a\n* b\ntext"], ["* a", "- a\n- b\n- c"]),
    ("validate_title", {}, ["<<Joy>> text"], ["<Joy>", "<<Joy\n>>"]),
    ("validate_choice", {"options": ["yes", "no"]}, ["I say yes"], ["maybe"]),
    ("validate_highlighted_sections", N, ["*a* and *b*", "**a**"], ["*a*", "*a\n* b *"]),
    (
        "validate_sections",
        {**N, "section_splitter": "SECTION"},
        ["SECTION 1 a SECTION 2 b"],
        ["SECTION 1", "intro SECTION 1 SECTION 2"],
    ),
    ("validate_json_format", {}, ['{"a": [1, null]}', "3", '"x"'], ["{'a': 1}", "```json\n{}\n```", "{"]),
    ("validate_repeat_prompt", {"original_prompt": "Say hi."}, ["Say hi. Hi!"], ["say hi. Hi!"]),
    ("validate_two_responses", {}, ["a\n******\nb"], ["a", "a ****** a", "a ****** b ****** c"]),
    ("validate_uppercase", {}, ["ALL BIG 1!"], ["All big"]),
    ("validate_lowercase", {}, ["all small 1!"], ["All small"]),
    ("validate_frequency_capital_words", AT_MOST, ["BIG " * 20], ["BIG " * 21]),
    ("validate_frequency_capital_words", {"N": 2, "quantifier": "at least"}, ["A BIG"], ["A b"]),
    ("validate_end", {"end_phrase": "The end."}, ["Done. The end."], ["The end. Done."]),
    ("validate_quotation", {}, ['"all of it"'], ['"all" of it', "'all'"]),
    ("validate_no_commas", {}, ["none here"], ["one, here"]),
]

RELATION = {"relation": "at least"}
LESS = {"relation": "less than"}
IFEVAL: list[tuple[str, dict[str, Any], list[str], list[str]]] = [
    ("keywords:existence", {"keywords": ["cat", "Dog"]}, ["A CAT and a dogma"], ["a cat"]),
    ("keywords:frequency", {"keyword": "cat", "frequency": 2, **RELATION}, ["Cat cat"], ["cat"]),
    ("keywords:frequency", {"keyword": "cat", "frequency": 2, **LESS}, ["cat"], ["Cat cats"]),
    ("keywords:forbidden_words", {"forbidden_words": ["bad"]}, ["badge"], ["BAD", "so bad."]),
    (
        "keywords:letter_frequency",
        {"letter": "L", "let_frequency": 3, "let_relation": "at least"},
        ["Lull"],
        ["lol"],
    ),
    (
        "language:response_language",
        {"language": "de"},
        ["Guten Morgen, wie geht es Ihnen heute?", "12345"],
        ["Good morning, how are you doing today?"],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 3, **RELATION},
        ["All good. Fine! Go?"],
        ["All good. Fine"],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, **LESS},
        ["Mr. X paid 3.50."],
        ["All good. Fine."],
    ),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        ["a\n***\nb", "***\na***b"],
        ["a", "a*** ***b"],
    ),
    ("length_constraints:number_words", {"num_words": 3, **RELATION}, ["don't go"], ["go on"]),
    ("length_constraints:number_words", {"num_words": 3, **LESS}, ["go on"], ["don't go"]),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "then"},
        ["First.\n\nThen, go.", 'First.\n\n"Then" go.'],
        ["First.", "Then.\n\nFirst.", "a\n\nthen\n\nb", "a\n\nthence"],
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, ["[a][b]"], ["[a]"]),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, ["Bye\np. s. x"], ["Bye", "P.S"]),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, ["P.P.S x", "p. p. s x"], ["P.S. x"]),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, ["* a\n- b"], ["* a\n** b", "* a"]),
    ("detectable_format:constrained_response", {}, ["My answer is yes."], ["Yes.", "my answer is yes."]),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        ["*a* **b**"],
        ["*a* **", "**b**"],
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        ["Section 1 a Section 2 b", "Section1 Section2"],
        ["Section 1", "Section A Section B"],
    ),
    ("detectable_format:json_format", {}, ['```json\n{"a": 1}\n```', "{}"], ["{", "text {}"]),
    ("detectable_format:title", {}, ["<<Joy>>\ntext"], ["<Joy>", "<< >>"]),
    (
        "combination:two_responses",
        {},
        ["a ****** b", "******a******b"],
        ["a", "a ****** a", "a************b"],
    ),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say hi."}, ["say hi. Hi!"], ["Hi! Say hi."]),
    ("startend:end_checker", {"end_phrase": "The End."}, ['"Done. the end."'], ["The end. Done"]),
    ("startend:quotation", {}, ['"all of it"'], ['"', '"all" of it']),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "at least"},
        ["A BIG dog", "DON'T go"],
        ["A big dog"],
    ),
    (
        "change_case:english_capital",
        {},
        ["THIS IS WRITTEN IN ENGLISH WITH CAPITAL LETTERS ONLY."],
        ["This is written in English.", "DIES IST EIN DEUTSCHER SATZ MIT VIELEN WÖRTERN UND BUCHSTABEN."],
    ),
    (
        "change_case:english_lowercase",
        {},
        ["this is written in english, in small letters."],
        ["This is not."],
    ),
    ("punctuation:no_comma", {}, ["none here"], ["one, here"]),
]


def test_the_tables_cover_all_published_instructions() -> None:
    assert {name for name, *_ in TULU} == set(tulu.RULES)
    assert {name for name, *_ in IFEVAL} == set(ifeval.RULES)
    assert (len(tulu.RULES), len(ifeval.RULES)) == (25, 25)


def _cases(table: list[tuple[str, dict[str, Any], list[str], list[str]]]) -> list[Any]:
    return [
        pytest.param(name, arguments, text, follows, id=f"{name}-{text[:20]!r}")
        for name, arguments, good, bad in table
        for follows, texts in ((1, good), (0, bad))
        for text in texts
    ]


@pytest.mark.parametrize(("name", "arguments", "text", "follows"), _cases(TULU))
def test_tulu(judge: Any, name: str, arguments: dict[str, Any], text: str, follows: int) -> None:
    label = {"func_name": name, **arguments, "unused": None}
    assert judge({"type": "instruction"}, text, label).value == follows


@pytest.mark.parametrize(("name", "arguments", "text", "follows"), _cases(IFEVAL))
def test_ifeval(judge: Any, name: str, arguments: dict[str, Any], text: str, follows: int) -> None:
    label = {"instruction_id_list": [name], "kwargs": [{**arguments, "unused": None}]}
    assert judge({"type": "instruction"}, text, label).value == follows


BOTH = {
    "instruction_id": ["punctuation:no_comma", "keywords:existence"],
    "kwargs": [None, {"keywords": ["cat"]}],
}


def test_several_instructions_add_up(judge: Any) -> None:
    partly = judge({"type": "instruction"}, "a cat, a dog", BOTH)
    assert (partly.value, partly.verdict, partly.detail["broken"]) == (
        0.5,
        "partial",
        ["punctuation:no_comma"],
    )
    assert judge({"type": "instruction", "aggregate": "all"}, "a cat, a dog", BOTH).value == 0
    assert judge({"type": "instruction", "aggregate": "all"}, "a cat", BOTH).value == 1


def test_reasoning_and_answer_tags_are_not_the_response(judge: Any) -> None:
    assert judge({"type": "instruction"}, "<think>well, well</think><answer>a cat</answer>", BOTH).value == 1
    assert judge({"type": "instruction"}, "<think>a cat</think>", BOTH).verdict == "no_answer"


@pytest.mark.parametrize(
    "label",
    [
        None,
        {},
        {"func_name": "validate_mood"},
        {"func_name": "validate_placeholders"},
        {"func_name": "validate_placeholders", "N": "two"},
        {"func_name": "validate_placeholders", "N": -1},
        {"func_name": "validate_word_constraint", "N": 2, "quantifier": "exactly"},
        {"func_name": "verify_keywords", "keyword_list": []},
        {"instruction_id_list": [], "kwargs": []},
        {"instruction_id_list": ["punctuation:no_comma"], "kwargs": []},
        {"instruction_id_list": ["punctuation:mood"], "kwargs": [{}]},
        {"instruction_id_list": ["keywords:frequency"], "kwargs": [{"keyword": "a", "frequency": 1}]},
    ],
)
def test_a_label_that_cannot_be_used_is_invalid(judge: Any, label: dict[str, Any] | None) -> None:
    with pytest.raises(ItemInvalid):
        judge({"type": "instruction"}, "text", label)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", 0),
        ("One", 1),
        ("One. Two", 2),
        ("One. Two.", 2),
        ('He said "Stop!" Then he left.', 2),
        ("Dr. Who met Mrs. Smith.", 1),
        ("It costs 3.50 at example.com today.", 1),
        ("He works at Acme Inc. in town.", 1),
        ("He works at Acme Inc. He likes it.", 2),
        ("The U.S. economy grew.", 1),
        ("Wait... what?", 2),
        ("A Ph.D. takes years.", 1),
        ("One\nTwo.", 1),
    ],
)
def test_sentences(text: str, sentences: int) -> None:
    assert count_sentences(text) == sentences


@given(st.text(max_size=200))
def test_counting_never_fails_and_is_bounded(text: str) -> None:
    assert 0 <= count_sentences(text) <= len(text) + 1
    assert 0 <= count_words(text) <= len(text)
    assert 0 <= count_between(text, "[", "]") <= text.count("[")
