"""Values cross as tagged JSON, and come back as they were."""

import collections
import datetime
import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.agent.values import CannotCross, decode, encode

atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.text(),
    st.binary(),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
)
hashable = st.recursive(
    atoms, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=5
)
values = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.sets(hashable, max_size=3),
        st.dictionaries(hashable, inner, max_size=3),
        st.dictionaries(st.sampled_from(["$int", "$ref", "a"]), inner, max_size=2),
    ),
    max_leaves=10,
)


@given(values)
def test_what_goes_in_comes_out(value: Any) -> None:
    back = decode(json.loads(json.dumps(encode(value))))
    assert back == value
    assert type(back) is type(value)


def test_nan_and_negative_zero_survive() -> None:
    assert math.isnan(decode(encode(float("nan"))))
    assert math.copysign(1, decode(encode(-0.0))) == -1


@pytest.mark.parametrize(
    "value",
    [
        bytearray(b"a"),
        range(2, 9, 3),
        collections.deque([1]),
        collections.Counter("aab"),
        datetime.time(1, 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_standard_types_cross(value: Any) -> None:
    assert decode(encode(value)) == value


class Liar(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


def test_a_subclass_arrives_as_its_base() -> None:
    assert encode(Liar(5)) == 5
    assert type(decode(encode(Liar(5)))) is int


@pytest.mark.parametrize(
    "value", [object(), lambda: 1, Decimal, iter([])], ids=["object", "function", "type", "iterator"]
)
def test_the_rest_cannot_cross(value: Any) -> None:
    with pytest.raises(CannotCross):
        encode(value)


def test_depth_is_bounded_both_ways() -> None:
    deep: Any = 1
    for _ in range(1000):
        deep = [deep]
    with pytest.raises(CannotCross):
        encode(deep)
    with pytest.raises(CannotCross):
        decode(deep)


@pytest.mark.parametrize(
    "data",
    [
        {"$int": "zz"},
        {"$set": [[1]]},
        {"$dict": [1]},
        {"$fraction": [1, 0]},
        {"$unknown": 1},
        {"$range": "x"},
    ],
    ids=json.dumps,
)
def test_malformed_encodings_are_refused(data: Any) -> None:
    with pytest.raises(CannotCross):
        decode(data)


def test_fractions_keep_their_type() -> None:
    assert type(decode(encode(Fraction(1, 2)))) is Fraction
