"""``json``, ``tool_call``, ``iou``, ``similarity``, ``bleu``, ``chrf``, ``language``: golden tables."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.errors import ItemInvalid, RequestInvalid
from verifier.rewards.iou import average_precision, box_iou
from verifier.rewards.json_text import MAX_DEPTH, read_json
from verifier.rewards.similarity import read_edits

PERSON = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}},
}


@pytest.mark.parametrize(
    ("completion", "value", "verdict"),
    [
        ('{"name": "Ada"}', 1, "correct"),
        ('<think>{}</think>{"name": "Ada"}', 1, "correct"),
        ('Here:\n```json\n{"name": "Ada"}\n```\nDone.', 1, "correct"),
        ('```\n{"name": "ada"}\n```\nBetter:\n```json\n{"name": "Ada"}\n```', 1, "correct"),
        ('<answer>{"name": "Ada"}</answer>', 1, "correct"),
        ('{"name": "ada"}', 0, "incorrect"),
        ('{"title": "Ada"}', 0, "incorrect"),
        ("[]", 0, "incorrect"),
        ("{'name': 'Ada'}", 0, "no_answer"),
        ('{"name": "Ada"} and more', 0, "no_answer"),
        ('{"name": NaN}', 0, "no_answer"),
        ("", 0, "no_answer"),
    ],
)
def test_json_by_schema(judge: Any, completion: str, value: float, verdict: str) -> None:
    for spec, reference in (
        ({"type": "json"}, {"schema": PERSON}),
        ({"type": "json", "schema": PERSON}, None),
    ):
        score = judge(spec, completion, reference)
        assert (score.value, score.verdict) == (value, verdict)


def test_json_says_where_it_does_not_fit_without_the_value(judge: Any) -> None:
    score = judge({"type": "json"}, '{"name": "secret"}', {"schema": PERSON})
    assert score.detail["problems"] == ["name: pattern"]


def test_json_of_one_value(judge: Any) -> None:
    assert judge({"type": "json"}, '{"b": 2, "a": [1]}', {"value": {"a": [1], "b": 2}}).value == 1
    assert judge({"type": "json"}, '{"b": 2, "a": [2]}', {"value": {"a": [1], "b": 2}}).value == 0


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://example.com/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"$schema": "http://example.com/meta"},
        {"type": "string", "pattern": "(?=a)b"},
        {"type": "no such type"},
    ],
)
def test_a_schema_that_leaves_the_document_or_linear_time_is_invalid(
    judge: Any, schema: dict[str, Any]
) -> None:
    with pytest.raises(ItemInvalid):
        judge({"type": "json"}, "{}", {"schema": schema})


def test_a_pattern_that_backtracks_elsewhere_is_linear_here(judge: Any) -> None:
    schema = {"type": "string", "pattern": "^(a+)+$"}
    assert judge({"type": "json"}, f'"{"a" * 100_000}b"', {"schema": schema}).value == 0


def test_json_too_deep_is_no_json() -> None:
    assert read_json("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None
    assert read_json("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2)) is None
    assert read_json("[" * 100_000) is None


WEATHER = {"name": "weather", "arguments": {"city": "Paris", "unit": "C"}}
TIME = {"name": "time", "arguments": {}}


def call_block(*calls: str) -> str:
    return "<tool_call>\n" + "\n".join(calls) + "\n</tool_call>"


PARIS = '{"name": "weather", "arguments": {"city": "Paris", "unit": "C"}}'
ROME = '{"name": "weather", "arguments": {"city": "Rome", "unit": "C"}}'
NOW = '{"name": "time", "parameters": {}}'


@pytest.mark.parametrize(
    ("completion", "exact", "share"),
    [
        (call_block(PARIS, NOW), 1, 1),
        (call_block(NOW, PARIS), 1, 1),
        (call_block(NOW) + call_block(PARIS), 1, 1),
        (call_block(f"[{NOW}, {PARIS}]"), 1, 1),
        (call_block(ROME, NOW), 0, (1 + (1 + 1) + 1) / 5),
        (call_block(PARIS), 0, (0.5 + 3) / 5),
        (call_block(PARIS, NOW, NOW), 0, (2 / 3 + 3 + 1) / 5),
        (call_block('{"name": "weather", "arguments": {}}', NOW), 0, (1 + 0 + 1) / 5),
        (call_block('{"name": "other"}'), 0, 0),
        (call_block("weather(Paris)"), 0, 0),
        (call_block('{"arguments": {}}'), 0, 0),
        ("no call", 0, 0),
        (f"<think>{call_block(PARIS, NOW)}</think>", 0, 0),
    ],
)
def test_tool_calls(judge: Any, completion: str, exact: float, share: float) -> None:
    reference = {"tool_calls": [WEATHER, TIME]}
    assert judge({"type": "tool_call"}, completion, reference).value == exact
    assert judge({"type": "tool_call", "form": "toolrl"}, completion, reference).value == pytest.approx(share)


def test_tool_calls_of_the_item_itself(judge: Any) -> None:
    calls = [{"function": {"name": "weather", "arguments": '{"unit": "C", "city": "Paris"}'}}]
    assert judge({"type": "tool_call"}, "", {"tool_calls": [WEATHER]}, tool_calls=calls).value == 1
    broken = [{"function": {"name": "weather", "arguments": "{"}}]
    assert (
        judge({"type": "tool_call"}, "", {"tool_calls": [WEATHER]}, tool_calls=broken).verdict == "no_answer"
    )


def test_no_call_where_none_is_wanted(judge: Any) -> None:
    assert judge({"type": "tool_call"}, "Just words.", {"tool_calls": []}).value == 1
    assert judge({"type": "tool_call"}, call_block(NOW), {"tool_calls": []}).value == 0


def test_true_is_not_1_in_arguments(judge: Any) -> None:
    reference = {"tool_calls": [{"name": "f", "arguments": {"x": 1}}]}
    assert (
        judge({"type": "tool_call"}, call_block('{"name": "f", "arguments": {"x": true}}'), reference).value
        == 0
    )


@pytest.mark.parametrize(
    ("first", "second", "value"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1),
        ((0, 0, 10, 10), (0, 0, 10, 20), 0.5),
        ((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3),
        ((0, 0, 10, 10), (10, 0, 20, 10), 0),
    ],
)
def test_box_iou(first: Any, second: Any, value: float) -> None:
    assert box_iou(first, second) == pytest.approx(value)
    assert box_iou(second, first) == pytest.approx(value)


@pytest.mark.parametrize(
    ("completion", "more", "value"),
    [
        ("<answer>[0, 0, 10, 10]</answer>", {}, 0.5),
        ("<answer>The box is [0, 0, 10, 10].</answer>", {}, 0.5),
        ('```json\n[{"bbox_2d": [0, 0, 10, 20], "label": ""}]\n```', {}, 1),
        ("[0, 0, 10, 10]", {"metric": "threshold"}, 0),
        ("[0, 0, 10, 11]", {"metric": "threshold"}, 1),
        ("[[0, 0, 10, 20], [0, 0, 10, 20]]", {}, 0.5),
        ("[0, 0, 10, 18]", {"metric": "map"}, 0.9),
        ("[10, 10, 0, 0]", {}, 0),
        ("[0, 0, 10]", {}, 0),
        ("[0, 0, 1e999, 10]", {}, 0),
        ("the left half", {}, 0),
    ],
)
def test_iou(judge: Any, completion: str, more: dict[str, Any], value: float) -> None:
    reference = {"boxes": [[0, 0, 10, 20]]}
    assert judge({"type": "iou", **more}, completion, reference).value == pytest.approx(value)


def test_a_box_of_another_label_does_not_count(judge: Any) -> None:
    reference = {"boxes": [[0, 0, 10, 10]], "labels": ["cat"]}
    for label, value in (("Cat", 1), ("dog", 0)):
        assert (
            judge({"type": "iou"}, f'{{"box": [0, 0, 10, 10], "label": "{label}"}}', reference).value == value
        )


def test_average_precision_by_hand() -> None:
    """Hit, miss, hit of two: precision 1 up to recall ½, then 2/3 up to 1."""
    gold = [(0, 0, 1, 1), (5, 5, 6, 6)]
    boxes = [(0, 0, 1, 1), (9, 9, 10, 10), (5, 5, 6, 6)]
    assert average_precision(boxes, gold, 0.5) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision([], gold, 0.5) == 0


BEFORE = "def f():\n    return 1\n"
AFTER = "def f():\n    return 2\n"


def solution(search: str, replace: str, path: str = "a.py") -> str:
    block = f"### {path}\n<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE"
    return f"<think>fix</think>\n<solution>\n```python\n{block}\n```\n</solution>"


@pytest.mark.parametrize(
    ("completion", "value", "reason"),
    [
        (solution("    return 1", "    return 2"), 1, None),
        (solution("def f():\n    return 1", "def f():\n    return 2"), 1, None),
        (solution("    return 7", "    return 2"), -1, "search_not_found"),
        (solution("return 1", "return 2"), -1, "search_not_found"),
        (solution("    return 1", "    return 1"), -1, "edit_changes_nothing"),
        (solution("x", "y").replace(">>>>>>> REPLACE", ""), -1, "no_edit"),
        (solution("    return 1", "    return 2").replace("<think>fix</think>", ""), -1, "tags"),
        ("return 2 instead", -1, "tags"),
    ],
)
def test_similarity(judge: Any, completion: str, value: float, reason: str | None) -> None:
    score = judge({"type": "similarity"}, completion, {"files": {"a.py": BEFORE}, "changed": {"a.py": AFTER}})
    assert (score.value, score.detail.get("reason")) == (value, reason)


def test_similarity_averages_over_the_files_that_either_changes(judge: Any) -> None:
    reference = {"files": {"a.py": BEFORE, "b.py": BEFORE}, "changed": {"a.py": AFTER, "b.py": AFTER}}
    score = judge({"type": "similarity"}, solution("    return 1", "    return 2"), reference)
    assert (score.value, score.detail["files"]) == (0.5, {"a.py": 1, "b.py": 0})


@given(st.text(alphabet="#<=> \nSEARCHREPLACEab/", max_size=200))
def test_reading_edits_never_fails(text: str) -> None:
    read_edits(text)


def test_bleu_and_chrf_are_those_of_sacrebleu(judge: Any) -> None:
    import sacrebleu

    hypothesis, gold = "the cat sat on the mat", "the cat sat on a mat"
    bleu = sacrebleu.corpus_bleu([hypothesis], [[gold]]).score / 100
    chrf = sacrebleu.corpus_chrf([hypothesis], [[gold]]).score / 100
    assert judge({"type": "bleu"}, hypothesis, {"answer": gold}).value == pytest.approx(bleu)
    assert judge({"type": "chrf"}, hypothesis, {"answer": gold}).value == pytest.approx(chrf)
    assert judge({"type": "bleu"}, gold, {"answer": ["other words", gold]}).value == pytest.approx(1)


def test_a_translation_in_its_tag(judge: Any) -> None:
    spec = {"type": "chrf", "tag": "translate"}
    assert judge(spec, "<translate>a cat</translate> I hope.", {"answer": "a cat"}).value == pytest.approx(1)
    assert judge(spec, "a cat", {"answer": "a cat"}).verdict == "no_answer"
    assert (
        judge(spec, "<translate>a</translate><translate>b</translate>", {"answer": "a"}).verdict
        == "ambiguous"
    )


ENGLISH = "We add the two numbers and get the sum."
CHINESE = "我们把两个数相加,得到的和是四。"
RUSSIAN = "Мы складываем два числа и получаем сумму."
FRENCH = "Nous ajoutons les deux nombres et nous obtenons la somme."


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        (ENGLISH, "en", 1),
        (CHINESE, "zh", 1),
        (RUSSIAN, "ru", 1),
        (FRENCH, "fr", 1),
        (ENGLISH, "fr", 0),
        (FRENCH, "en", 0),
        (ENGLISH, "zh", 0),
        (RUSSIAN, "en", 0),
        ("これは日本語の文章です。", "ja", 1),
        (f"{ENGLISH} {FRENCH}", "en", 9 / 19),
        ("$x + y = z$", "en", 0),
        ("ok", "en", 1),
        ("", "en", 0),
    ],
)
def test_language(judge: Any, text: str, language: str, value: float) -> None:
    score = judge({"type": "language", "language": language}, f"<think>{text}</think>")
    assert score.value == pytest.approx(value)


def test_language_of_the_reasoning_or_of_all(judge: Any) -> None:
    completion = f"<think>{ENGLISH}</think>{FRENCH}"
    assert judge({"type": "language", "language": "en"}, completion).value == 1
    assert judge({"type": "language", "language": "en", "part": "all"}, completion).value < 1


def test_a_language_that_is_not_told_apart_is_refused(judge: Any) -> None:
    with pytest.raises(RequestInvalid):
        judge({"type": "language", "language": "xx"}, ENGLISH)
