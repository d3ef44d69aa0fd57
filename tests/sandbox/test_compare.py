"""What counts as the same."""

from decimal import Decimal
from typing import Any

import pytest

from sandbox.agent.values import encode
from sandbox.judge.compare import same_output, same_value
from sandbox.schema import Compare

OUTPUTS: list[tuple[Compare, str, str, bool]] = [
    ("tokens", "3\n", "3", True),
    ("tokens", " 1\n\n2  3 ", "1 2 3", True),
    ("tokens", "1 2", "1 2 3", False),
    ("tokens", "1 2 3 4", "1 2 3", False),
    ("tokens", "", "", True),
    ("tokens", "", "0", False),
    ("tokens", "3.0", "3", False),
    ("exact", "3\n", "3\n", True),
    ("exact", "3\n", "3", False),
    ("float", "0.3333333", "0.33333333", True),
    ("float", "0.3334", "0.3333", False),
    ("float", "3.0", "3", True),
    ("float", "3.0000001", "3", False),
    ("float", "10000000000000001", "10000000000000000", False),
    ("float", "nan", "nan", True),
    ("float", "nan", "1.0", False),
    ("float", "yes 1.0", "no 1.0", False),
    ("float", "1.0", "1.0 1.0", False),
    ("float", "9" * 5000, "1.0", False),
]


@pytest.mark.parametrize(("compare", "got", "wanted", "same"), OUTPUTS)
def test_outputs(compare: Compare, got: str, wanted: str, same: bool) -> None:
    assert same_output(got.encode(), wanted, compare) is same


VALUES: list[tuple[Any, Any, bool]] = [
    (3, 3, True),
    (True, 1, False),
    (1, True, False),
    (3.0, 3, True),
    (0.1 + 0.2, 0.3, True),
    (0.30001, 0.3, False),
    (float("nan"), float("nan"), False),
    (float("inf"), float("inf"), True),
    (10**30, 10**30, True),
    (10**30 + 1, 10**30, False),
    (float(10**17), 10**17 + 1, False),
    ("3", 3, False),
    (None, None, True),
    (None, 0, False),
    ([1, 2], [1, 2], True),
    ((1, 2), [1, 2], True),
    ([1, 2], (1, 2), False),
    ([1, 2], [1, 2, 3], False),
    ([1, 2, 3], [1, 2], False),
    ({1, 2}, {2, 1}, True),
    ({1, 2}, [1, 2], False),
    ({1.0}, {1}, True),
    ({frozenset({1, 2})}, {frozenset({2, 1})}, True),
    ({1: "a", 2: "b"}, {2: "b", 1: "a"}, True),
    ({"1": "a"}, {1: "a"}, False),
    ({"a": 1, "b": 2}, {"a": 1}, False),
    ({"a": 0.1 + 0.2}, {"a": 0.3}, True),
    (b"ab", b"ab", True),
    (b"ab", "ab", False),
    (1 + 2j, 1 + 2j, True),
    (Decimal("1.50"), Decimal("1.5"), False),
]


@pytest.mark.parametrize(("got", "wanted", "same"), VALUES, ids=repr)
def test_values(got: Any, wanted: Any, same: bool) -> None:
    assert same_value(encode(got), encode(wanted)) is same


@pytest.mark.parametrize(
    "forged",
    [
        {"$int": "zz"}, {"$int": 5}, {"$float": []}, {"$set": 5}, {"$dict": [[1]]}, {"$tuple": 1}, {"$x": 1},
        {}, [[[]]], {"$dict": [[1, 2], [1, 2]]}, {"$set": [1, 1]},
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("wanted", [1, 2**60, 0.5, {1}, {1: 2}, (1,), [1], "a", None, 1j], ids=repr)
def test_forged_encodings_equal_nothing(forged: Any, wanted: Any) -> None:
    assert same_value(forged, encode(wanted)) is False
