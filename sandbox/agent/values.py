"""Values as JSON, tagged where JSON has no word for them; never pickle.

    (1, 2)  {"$tuple": [1, 2]}        {1}     {"$set": [1]}          2**70  {"$int": "0x4…"}
    b"a"    {"$bytes": "61"}          {1: 2}  {"$dict": [[1, 2]]}    nan    {"$float": "nan"}

The encoding of a value is canonical, so a judge compares encodings and decodes nothing a candidate sent.
Subclasses of builtin types are reduced to the builtin value: an `int` with its own `__eq__` arrives as
an `int`.
"""

import builtins
import collections
import datetime
import decimal
import fractions
from collections.abc import Callable, Iterable
from typing import Any

MAX_DEPTH = 200
SAFE_INT = 1 << 53

Hook = Callable[[Any], Any]


class CannotCross(Exception):
    """The value has no encoding, or the encoding no value."""


def _refuse(value: Any) -> Any:
    raise CannotCross(f"a value of type {type(value).__name__} cannot leave the program")


def encode(value: Any, opaque: Hook = _refuse, *, reduce: bool = True, depth: int = 0) -> Any:
    """JSON for `value`. `opaque` encodes what has no encoding; `reduce` turns subclasses into their base.

    Raises CannotCross.
    """
    if depth > MAX_DEPTH:
        raise CannotCross("the value is nested too deeply")
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -SAFE_INT < value < SAFE_INT else {"$int": hex(value)}
    if kind is float:
        return value if value - value == 0 else {"$float": repr(value)}

    def inner(item: Any) -> Any:
        return encode(item, opaque, reduce=reduce, depth=depth + 1)

    if kind is list:
        return [inner(item) for item in value]
    if kind in _MAPPINGS:
        return _encode_dict(value, inner)
    if kind in _SEQUENCES:
        return {_SEQUENCES[kind]: [inner(item) for item in value]}
    if kind in _ATOMS:
        tag, to_json, _ = _ATOMS[kind]
        return {tag: to_json(value)}
    base = _base_value(value) if reduce else value
    return opaque(value) if base is value else encode(base, opaque, reduce=reduce, depth=depth)


def _encode_dict(value: dict[Any, Any], inner: Hook) -> Any:
    plain = all(type(key) is str for key in value)
    if plain and not (len(value) == 1 and next(iter(value)).startswith("$")):
        return {key: inner(item) for key, item in value.items()}
    return {"$dict": [[inner(key), inner(item)] for key, item in value.items()]}


def _base_value(value: Any) -> Any:
    """`value` as the builtin it derives from, or `value` itself."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    for base, convert in _BASES:
        if isinstance(value, base):
            return convert(value)
    return value


def decode(data: Any, resolve: Callable[[str, Any], Any] | None = None, depth: int = 0) -> Any:
    """The value of an encoding. `resolve(tag, payload)` decodes tags that `opaque` made.

    Raises CannotCross.
    """
    if depth > MAX_DEPTH:
        raise CannotCross("the value is nested too deeply")

    def inner(item: Any) -> Any:
        return decode(item, resolve, depth + 1)

    if isinstance(data, list):
        return [inner(item) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) != 1 or not next(iter(data)).startswith("$"):
        return {key: inner(item) for key, item in data.items()}
    ((tag, payload),) = data.items()
    try:
        if tag == "$dict":
            return {inner(key): inner(item) for key, item in payload}
        if tag in _SEQUENCE_TYPES:
            return _SEQUENCE_TYPES[tag](inner(item) for item in payload)
        if tag in _ATOM_READERS:
            return _ATOM_READERS[tag](payload)
    except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise CannotCross(f"a malformed {tag}: {error}") from None
    if resolve is None:
        raise CannotCross(f"unknown tag {tag[:40]!r}")
    return resolve(tag, payload)


def is_builtin_type(value: Any) -> bool:
    """Whether `value` is a type that both sides know by name."""
    return isinstance(value, type) and getattr(builtins, value.__name__, None) is value


def builtin_type(name: Any) -> type:
    """The builtin type of that name. Raises CannotCross."""
    kind = getattr(builtins, name, None) if isinstance(name, str) else None
    if not isinstance(kind, type):
        raise CannotCross("not a builtin type")
    return kind


def _number(data: Any) -> float:
    return float(decode(data))


def _counter(pairs: Iterable[Any]) -> Any:
    return collections.Counter({decode(key): decode(count) for key, count in pairs})


_MAPPINGS = (dict, collections.OrderedDict, collections.defaultdict)
_SEQUENCES: dict[type, str] = {
    tuple: "$tuple",
    set: "$set",
    frozenset: "$frozenset",
    collections.deque: "$deque",
}
_SEQUENCE_TYPES: dict[str, Any] = {tag: kind for kind, tag in _SEQUENCES.items()}
_ATOMS: dict[type, tuple[str, Hook, Hook]] = {
    int: ("$int", hex, lambda text: int(text, 16)),
    float: ("$float", repr, float),
    bytes: ("$bytes", bytes.hex, bytes.fromhex),
    bytearray: ("$bytearray", bytearray.hex, bytearray.fromhex),
    complex: (
        "$complex",
        lambda value: [encode(value.real), encode(value.imag)],
        lambda parts: complex(_number(parts[0]), _number(parts[1])),
    ),
    range: (
        "$range",
        lambda r: [encode(r.start), encode(r.stop), encode(r.step)],
        lambda r: range(*decode(r)),
    ),
    collections.Counter: (
        "$counter",
        lambda value: [[encode(key), encode(count)] for key, count in value.items()],
        _counter,
    ),
    decimal.Decimal: ("$decimal", str, decimal.Decimal),
    fractions.Fraction: (
        "$fraction",
        lambda value: [encode(value.numerator), encode(value.denominator)],
        lambda parts: fractions.Fraction(decode(parts[0]), decode(parts[1])),
    ),
    datetime.datetime: ("$datetime", datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    datetime.date: ("$date", datetime.date.isoformat, datetime.date.fromisoformat),
    datetime.time: ("$time", datetime.time.isoformat, datetime.time.fromisoformat),
    datetime.timedelta: (
        "$timedelta",
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda parts: datetime.timedelta(parts[0], parts[1], parts[2]),
    ),
}
_ATOM_READERS: dict[str, Hook] = {tag: reader for tag, _, reader in _ATOMS.values()}
_BASES: tuple[tuple[type, Hook], ...] = (
    (int, lambda value: int.__add__(value, 0)),
    (float, float.__pos__),
    (str, lambda value: "".join(str.__iter__(value))),
    (list, lambda value: [*list.__iter__(value)]),
    (tuple, lambda value: (*tuple.__iter__(value),)),
    (dict, lambda value: dict(dict.items(value))),
    (set, lambda value: {*set.__iter__(value)}),
    (frozenset, lambda value: frozenset(frozenset.__iter__(value))),
    (bytes, lambda value: bytes(bytes.__iter__(value))),
)
