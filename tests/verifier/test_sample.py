"""From items on the wire to what rewards see."""

from __future__ import annotations

from typing import Any

import pytest

from verifier.errors import ErrorCode, ItemInvalid
from verifier.sample import read_sample
from verifier.schema import Item


def read(**item: Any) -> Any:
    return read_sample(Item.model_validate(item), None)


def test_a_string_is_taken_as_it_is() -> None:
    assert read(completion=" a\n").completion == " a\n"


def test_the_last_assistant_message_counts() -> None:
    messages = [
        {"role": "assistant", "content": "first"},
        {"role": "user", "content": "again"},
        {"role": "assistant", "content": "second"},
        {"role": "tool", "content": "output"},
    ]
    assert read(completion=messages).completion == "second"


def test_reasoning_stands_before_the_content_in_its_tags() -> None:
    message = {"role": "assistant", "content": "4", "reasoning_content": "2+2"}
    assert read(completion=[message]).completion == "<think>2+2</think>4"


def test_content_in_parts_is_joined_and_pictures_are_passed_over() -> None:
    parts = [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {}},
        {"type": "text", "text": "b"},
    ]
    assert read(completion=[{"role": "assistant", "content": parts}]).completion == "ab"


def test_null_content_is_empty_and_tool_calls_are_kept() -> None:
    call = {"function": {"name": "f", "arguments": "{}"}}
    sample = read(completion=[{"role": "assistant", "content": None, "tool_calls": [call]}])
    assert (sample.completion, sample.tool_calls) == ("", [call])


def test_the_prefix_of_the_template_is_put_before() -> None:
    assert read(completion="a</think>b", assistant_prefix="<think>\n").completion == "<think>\na</think>b"


def test_messages_without_an_assistant_are_invalid() -> None:
    with pytest.raises(ItemInvalid) as caught:
        read(completion=[{"role": "user", "content": "hello"}])
    assert caught.value.code is ErrorCode.UNUSABLE_PARAMETER


def test_what_providers_add_to_messages_is_ignored() -> None:
    assert read(completion=[{"role": "assistant", "content": "a", "refusal": None}]).completion == "a"
