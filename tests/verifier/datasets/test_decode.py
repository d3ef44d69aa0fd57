"""What data sets hide in strings is decoded within bounds, and nothing is executed."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pickle
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.datasets import RowUnusable, decode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=20,
)


def packed(payload: bytes) -> str:
    return base64.b64encode(zlib.compress(payload)).decode()


@given(JSON, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_compressed_tests_come_back_whatever_the_protocol(value: object, protocol: int) -> None:
    assert decode.decode_compressed_tests(packed(pickle.dumps(json.dumps(value), protocol))) == value


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/unpickled",)


@pytest.mark.parametrize("thing", [Evil(), [Evil()], {"a": 1}, ["text", "text"], 5, b"bytes", None])
def test_a_pickle_of_anything_but_one_string_is_refused(thing: object) -> None:
    with pytest.raises(RowUnusable, match="something else than"):
        decode.pickled_string(pickle.dumps(thing))


@pytest.mark.parametrize("broken", [b"", b"\x80", b"\x80\x04\x95", b"\x80\x04X\xff\xff\xff\x7fabc."])
def test_a_broken_pickle_is_refused(broken: bytes) -> None:
    with pytest.raises(RowUnusable, match="pickle"):
        decode.pickled_string(broken)


@given(st.binary())
def test_no_bytes_crash_the_pickle_reader(data: bytes) -> None:
    with contextlib.suppress(RowUnusable):
        assert isinstance(decode.pickled_string(data), str)


@pytest.mark.parametrize("text", ["", "not base64!", base64.b64encode(b"not zlib").decode()])
def test_what_is_not_base64_of_zlib_is_refused(text: str) -> None:
    with pytest.raises(RowUnusable):
        decode.decode_compressed_tests(text)


def test_a_compressed_bomb_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_DECOMPRESSED_BYTES", 1000)
    with pytest.raises(RowUnusable, match="more than 1000 bytes"):
        decode.decode_compressed_tests(packed(b"0" * 1001))


def test_a_stream_cut_off_is_refused() -> None:
    whole = zlib.compress(pickle.dumps("[1]"))
    with pytest.raises(RowUnusable, match="cut off"):
        decode.decode_compressed_tests(base64.b64encode(whole[:-4]).decode())


def test_large_integers_keep_their_digits() -> None:
    assert decode.parse_json(str(2**100)) == 2**100


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}'])
def test_numbers_that_are_not_json_are_refused(text: str) -> None:
    with pytest.raises(RowUnusable, match="is not JSON"):
        decode.parse_json(text)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "1 2", "[" * 100_000, b"\xff", "9" * 10_000])
def test_broken_json_says_so(text: str | bytes) -> None:
    with pytest.raises(RowUnusable):
        decode.parse_json(text)


@given(JSON)
def test_a_repr_comes_back(value: object) -> None:
    assert (
        decode.parse_json_or_literal(repr(value) if not isinstance(value, str) else json.dumps(value))
        == value
    )


@pytest.mark.parametrize(
    "text", ["__import__('os')", "f()", "a", "1 +", "(" * 5000, "-" * 500_000 + "1", "{[]: 1}"]
)
def test_only_literals_are_literals(text: str) -> None:
    with pytest.raises(RowUnusable):
        decode.parse_literal(text)


def test_a_literal_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_LITERAL_CHARACTERS", 5)
    with pytest.raises(RowUnusable, match="more than 5 characters"):
        decode.parse_literal("[1, 2]")


def test_depth_is_bounded() -> None:
    deep: list[object] = []
    for _ in range(decode.MAX_DEPTH):
        deep = [deep]
    with pytest.raises(RowUnusable, match="too deeply"):
        decode.plain(deep)
