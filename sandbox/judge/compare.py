"""Is what a program gave what was expected? Decided outside the jail.

Values are compared as encodings (`sandbox.agent.values`): nothing a candidate sent is decoded.
"""

import json
import math
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.agent.values import MAX_DEPTH
from sandbox.schema import Compare

RELATIVE, ABSOLUTE = 1e-6, 1e-9
LONGEST_NUMBER = 400
UNORDERED = ("$set", "$frozenset")


def same_output(got: bytes, expected: str, compare: Compare) -> bool:
    """Compare a whole output. `exact`: byte for byte; else token by token, all of them."""
    wanted = expected.encode("utf-8", "surrogatepass")
    if compare == "exact":
        return got == wanted
    tokens, wanted_tokens = got.split(), wanted.split()
    if compare == "tokens" or len(tokens) != len(wanted_tokens):
        return tokens == wanted_tokens
    return all(map(_same_token, tokens, wanted_tokens))


def _same_token(got: bytes, wanted: bytes) -> bool:
    """Equal, or close where a decimal number is wanted, or numerically equal where an integer is."""
    if got == wanted:
        return True
    if max(len(got), len(wanted)) > LONGEST_NUMBER:
        return False
    try:
        a, b = Decimal(got.decode()), Decimal(wanted.decode())
    except (InvalidOperation, UnicodeDecodeError):
        return False
    if not (a.is_finite() and b.is_finite()):
        return False
    if any(mark in wanted for mark in b".eE"):
        return close(float(a), float(b))
    return a == b


def close(a: float, b: float) -> bool:
    """Close as floats; NaN equals nothing."""
    return a == b or math.isclose(a, b, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def same_value(got: Any, wanted: Any, depth: int = 0) -> bool:
    """Compare two encodings. Types matter, but JSON has no tuples: a wanted plain list accepts a tuple."""
    if depth > MAX_DEPTH:
        return False
    if isinstance(wanted, bool) or isinstance(got, bool) or wanted is None or isinstance(wanted, str):
        return type(got) is type(wanted) and got == wanted
    if isinstance(wanted, int | float) or _tag(wanted) in ("$int", "$float"):
        return _same_number(got, wanted)
    if isinstance(wanted, list):
        items = got["$tuple"] if _tag(got) == "$tuple" else got
        return _same_items(items, wanted, depth)
    tag = _tag(wanted)
    if tag != _tag(got):
        return False
    if tag is None:
        return isinstance(got, dict) and _same_dict(got, wanted, depth)
    if tag in UNORDERED:
        return _canonical_set(got[tag]) == _canonical_set(wanted[tag])
    if tag in ("$dict", "$counter"):
        return _same_pairs(got[tag], wanted[tag], depth)
    if tag == "$complex":
        return _same_items(got[tag], wanted[tag], depth)
    if tag in ("$tuple", "$deque"):
        return _same_items(got[tag], wanted[tag], depth)
    return bool(got == wanted)


def _tag(data: Any) -> str | None:
    if isinstance(data, dict) and len(data) == 1:
        key = next(iter(data))
        return key if key.startswith("$") else None
    return None


def _number(data: Any) -> int | float | None:
    """A number that was sent plain or tagged; None if it is none."""
    if isinstance(data, int | float) and not isinstance(data, bool):
        return data
    payload = next(iter(data.values())) if _tag(data) in ("$int", "$float") else None
    if not isinstance(payload, str):
        return None
    try:
        return int(payload, 16) if _tag(data) == "$int" else float(payload)
    except ValueError:
        return None


def _same_number(got: Any, wanted: Any) -> bool:
    a, b = _number(got), _number(wanted)
    if a is None or b is None:
        return False
    if isinstance(b, int) or a == b:
        return a == b
    try:
        return close(float(a), b)
    except OverflowError:
        return False


def _same_items(got: Any, wanted: list[Any], depth: int) -> bool:
    if not isinstance(got, list) or len(got) != len(wanted):
        return False
    return all(same_value(a, b, depth + 1) for a, b in zip(got, wanted, strict=True))


def _same_dict(got: dict[str, Any], wanted: dict[str, Any], depth: int) -> bool:
    return got.keys() == wanted.keys() and all(same_value(got[key], wanted[key], depth + 1) for key in wanted)


def _same_pairs(got: Any, wanted: Any, depth: int) -> bool:
    a, b = _by_key(got), _by_key(wanted)
    return a is not None and b is not None and _same_dict(a, b, depth)


def _by_key(pairs: Any) -> dict[str, Any] | None:
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        return None
    by_key = {_canonical(key): value for key, value in pairs}
    return by_key if len(by_key) == len(pairs) else None


def _canonical_set(items: Any) -> list[str] | None:
    return sorted(map(_canonical, items)) if isinstance(items, list) else None


def _canonical(data: Any) -> str:
    """One text for one value, whatever the order of the sets in it."""
    if _tag(data) in UNORDERED and isinstance(data[_tag(data)], list):
        return f"{_tag(data)}{_canonical_set(data[_tag(data)])}"
    if isinstance(data, float) and data.is_integer():
        data = int(data)  # 1.0 and 1 are one element of a set
    return json.dumps(data)
