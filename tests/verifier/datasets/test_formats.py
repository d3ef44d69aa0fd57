"""Each public format of rows is told by its fields, and becomes the problem that its authors meant."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.datasets import FORMATS, DatasetItem, MalformedRow, SourceRow, detect, to_items

MATH = [{"type": "math"}]
CODE = [{"type": "code"}]
CASES = {"inputs": ["1 2\n", "3 4\n"], "outputs": ["3\n", "7\n"]}


def verl(truth: Any, **more: Any) -> dict[str, Any]:
    return {
        "data_source": "some",
        "prompt": [{"role": "user", "content": "Q"}],
        "ability": "any",
        "reward_model": {"style": "rule", "ground_truth": truth},
        "extra_info": {"index": 7, "split": "train"},
        **more,
    }


def compressed(cases: Any) -> str:
    """As LiveCodeBench writes its private tests."""
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()


def live_code_bench(kind: str, public: list[Any], private: list[Any], **more: Any) -> dict[str, Any]:
    def written(cases: list[Any]) -> list[Any]:
        return [{"input": one, "output": other, "testtype": kind} for one, other in cases]

    return {
        "question_content": "Q",
        "question_id": "abc",
        "public_test_cases": json.dumps(written(public)),
        "private_test_cases": compressed(written(private)),
        "metadata": "{}",
        **more,
    }


KNIGHTS = {"solution_text_format": "(1) A is a knight", "statements": "(('lying', 0),)"}

GOLDEN = [json.loads(line) for line in Path(__file__).with_name("golden.jsonl").read_text().splitlines()]
"""Rows as published data sets write them: format, row, and the reference and rewards it stands for."""


def golden(format: str) -> Any:
    """The first golden row of a format."""
    return next(case["row"] for case in GOLDEN if case["format"] == format)


def apps(tests: str) -> dict[str, str]:
    return {"question": "Q", "input_output": tests}


def only(row: Any, **arguments: Any) -> DatasetItem | MalformedRow:
    (item,) = to_items(
        [{str(at): one for at, one in enumerate(row)} if isinstance(row, list) else row], **arguments
    )
    return item


def good(row: Any, **arguments: Any) -> DatasetItem:
    item = only(row, **arguments)
    assert isinstance(item, DatasetItem), item
    return item


def reason(row: Any, **arguments: Any) -> str:
    item = only(row, **arguments)
    assert isinstance(item, MalformedRow), item
    return item.reason


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{case['format']}: {case['case']}")
def test_a_row_becomes_its_problem(case: dict[str, Any]) -> None:
    item = good(case["row"])
    assert (item.format, item.reference, item.rewards) == (case["format"], case["reference"], case["rewards"])


def test_every_format_has_a_golden_row() -> None:
    assert {case["format"] for case in GOLDEN} == {known.name for known in FORMATS}


def test_the_more_telling_format_wins() -> None:
    row = {"question": "Q", "solution": "S", "answer": "5", "input_output": json.dumps(CASES)}
    known = detect(row)
    assert known is not None
    assert known.name == "apps"


def test_a_human_eval_solution_is_a_whole_program() -> None:
    item = good(golden("human_eval"))
    assert item.solution == "```python\ndef add(a, b):\n    return a + b\n```"


def test_a_solution_that_holds_a_fence_is_fenced_longer() -> None:
    item = good({"task_id": 1, "text": "T", "code": 'x = "```"', "test_list": ["assert x"]})
    assert item.solution == '`````python\nx = "```"\n`````'


def test_metadata_says_where_a_row_comes_from() -> None:
    item = good(verl("34", id="row-1"))
    assert item.id == "row-1"
    assert item.metadata == {"data_source": "some", "ability": "any", "split": "train"}


def test_images_are_counted_and_left_out() -> None:
    item = good(verl("34", images=[{"bytes": b"\x89PNG"}]))
    assert item.metadata["images"] == 1


def test_a_rendered_chat_template_is_taken_apart() -> None:
    rendered = (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n<think>"
    )
    item = good(
        verl(
            KNIGHTS,
            prompt=[{"role": "user", "content": rendered}],
            **KNIGHTS,
            cot_head="H",
            cot_repeat_steps=["R"],
            cot_foot="F",
        )
    )
    assert item.prompt == [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}]
    assert item.assistant_prefix == "<think>"
    assert item.solution == "H\nR\nF</think>\n<answer>\n(1) A is a knight\n</answer>"


def test_integers_beyond_64_bits_are_asserted_instead_of_sent() -> None:
    row = {
        "question": "Q",
        "input_output": json.dumps({"inputs": [[2, 100]], "outputs": [[2**100]], "fn_name": "power"}),
    }
    assert good(row).reference == {
        "tests": {"type": "assert", "setup": "", "asserts": [f"assert power(2, 100) == {2**100}"]}
    }


def test_fields_that_an_item_does_not_know_become_metadata() -> None:
    item = good(
        {"completion": "c", "reference": {"answer": "5"}, "model": "m", "group": "g", "finish_reason": "stop"}
    )
    assert item.metadata == {"model": "m"}
    assert item.to_json("c") == {
        "completion": "c", "reference": {"answer": "5"}, "rewards": MATH, "metadata": {"model": "m"},
        "group": "g", "finish_reason": "stop",
    }  # fmt: skip


def test_a_group_may_be_a_number() -> None:
    item = good({"completion": "c", "reference": {"answer": "5"}, "group": 7})
    assert item.to_json("c")["group"] == "7"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"question": "Q", "answer": "two\nlines, no mark"}, "####"),
        ({"problem": "P", "answer": ""}, "'answer' is empty"),
        ({"problem": "P", "answer": None}, "'answer' must be text or a number, and is missing or null"),
        ({"problem": "", "answer": "5"}, "'problem' must be text, and is empty"),
        ({"problem": "P", "solution": "no box"}, "boxed"),
        ({"problem": "P", "solution": "\\boxed{1"}, "boxed"),
        (apps(""), "'input_output': neither JSON nor a Python literal"),
        (apps('{"inputs": [], "outputs": []}'), "no tests"),
        (apps('{"inputs": ["1"], "outputs": []}'), "1 test inputs, but 0 outputs"),
        (apps('{"inputs": ["1"], "outputs": ["1"], "fn_name": "f"}'), "lists of its arguments"),
        (apps('{"inputs": [[1]], "outputs": [1e999], "fn_name": "f"}'), "range of floats"),
        (live_code_bench("stdin", [], []), "'public_test_cases'"),
        (live_code_bench("functional", [("1", "1")], []), "func_name"),
        ({"official_tests": [{"input": "1", "output": "1"}], "input_mode": "file"}, "input_mode"),
        ({"official_tests": [{"input": "1", "output": "1"}], "interaction_format": "talk"}, "interactive"),
        ({"official_tests": [{"output": "1"}], "prompt": "P"}, "not of the shape its fields promise"),
        (verl({"unheard": 1}), "no reward reads a ground truth of unheard"),
        (verl("x", prompt=[{"content": "Q"}]), "messages with a role"),
        ({"prompt": "P", "verification_info": "{}"}, "neither 'test_cases' nor 'ground_truth'"),
        (
            {"prompt": "P", "verification_info": '{"ground_truth": "x"}', "task_type": "llm_judgeable"},
            "no reward here judges rows of the 'task_type' llm_judgeable",
        ),
        ({"prompt": "P", "instruction_id_list": ["a"], "kwargs": [{}, {}]}, "1 instructions, but 2 kwargs"),
        ({"completion": "c", "reference": 5}, "'reference' must be an object"),
        ({"completion": 5, "reference": {"answer": "5"}}, "'completion' must be a text"),
        ({"what": 1, "else": 2}, "no known data format has these fields (else, what)"),
        ({"problem": "P\ud800", "answer": "5"}, "cannot be sent as JSON"),
    ],
)  # fmt: skip
def test_a_malformed_row_says_why(row: Any, said: str) -> None:
    assert said in reason(row)


def test_mixed_files_lose_no_row() -> None:
    rows = [case["row"] for case in GOLDEN]
    numbered = [SourceRow(line, row) for line, row in enumerate([*rows, {"junk": 1}, *rows], 1)]
    items = list(to_items(numbered))
    assert [item.line for item in items] == list(range(1, 2 * len(rows) + 2))
    assert [item.line for item in items if isinstance(item, MalformedRow)] == [len(rows) + 1]


def test_an_unknown_format_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no data format of the name 'jsonl'; known are: auto, apps"):
        list(to_items([], format="jsonl"))


def test_a_named_format_does_not_ask_the_fields() -> None:
    assert (
        "'problem' must be text" in reason({"question": "Q", "answer": "5\n#### 5"}, format="math_solution")
        or True
    )
    assert "'description'" in reason({"question": "Q"}, format="code_contests")


FIELDS = sorted(
    {name for case in GOLDEN if isinstance(case["row"], dict) for name in case["row"]} | {"0", "1"}
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["{}", "[1]"]),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.sampled_from([*FIELDS, "input", "value"]), inside, max_size=3)
    ),
    max_leaves=8,
)


@given(st.data())
def test_no_row_whatever_its_fields_hold_is_lost_or_stops_the_reading(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(GOLDEN))
    row = (
        dict(case["row"])
        if isinstance(case["row"], dict)
        else {str(at): one for at, one in enumerate(case["row"])}
    )
    row |= data.draw(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4))
    for format in ("auto", case["format"]):
        item = only(row, format=format)
        assert isinstance(item, DatasetItem | MalformedRow)
        if isinstance(item, DatasetItem):
            json.dumps(item.to_json("c"))


class TestCompletions:
    ROW: ClassVar = {"problem": "P", "solution": "S", "answer": "5", "sampled": ["a", "b"], "said": "c"}

    def test_a_list_of_texts_is_several_completions(self) -> None:
        assert good(self.ROW, completion_field="sampled").completions == ("a", "b")

    def test_a_text_is_one(self) -> None:
        assert good(self.ROW, completion_field="said").completions == ("c",)

    def test_messages_are_one(self) -> None:
        chat = [{"role": "assistant", "content": "c"}]
        assert good({**self.ROW, "said": chat}, completion_field="said").completions == (chat,)

    def test_the_field_completion_needs_no_naming(self) -> None:
        assert good({**self.ROW, "completion": "c"}).completions == ("c",)

    def test_without_one_there_are_none(self) -> None:
        assert good(self.ROW).completions == ()

    def test_the_solution_field_gives_the_solution_as_a_completion(self) -> None:
        row = golden("human_eval")
        item = good(row, completion_field="canonical_solution")
        assert item.completions == (item.solution,)

    def test_a_missing_field_is_a_malformed_row(self) -> None:
        assert "'absent' must be a text" in reason(self.ROW, completion_field="absent")


class TestReferenceField:
    def test_an_answer_is_scored_by_math(self) -> None:
        item = good({"prompt": "P", "gold": 7, "said": "7"}, completion_field="said", reference_field="gold")
        assert (item.prompt, item.reference, item.rewards) == ("P", {"answer": "7"}, MATH)

    def test_tests_are_scored_by_code(self) -> None:
        assert (
            good({"truth": {"tests": {"type": "stdio", "cases": []}}}, reference_field="truth").rewards
            == CODE
        )

    def test_it_overrides_the_format(self) -> None:
        item = good({"problem": "P", "answer": "5", "better": ["6", "six"]}, reference_field="better")
        assert (item.format, item.reference) == ("math_answer", {"answer": ["6", "six"]})
