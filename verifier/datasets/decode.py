"""Decoding of what data sets hide in strings: JSON, Python literals, compressed pickles. All bounded.

Numbers keep their digits: the standard library's JSON reader is used, since orjson turns integers beyond
64 bits into floats.
"""

from __future__ import annotations

import ast
import base64
import binascii
import json
import pickletools
import zlib
from collections.abc import Mapping
from typing import Any, NoReturn

from verifier.datasets.item import RowUnusable

MAX_LITERAL_CHARACTERS = 8 << 20
"""A parsed literal takes some hundred times its text in memory."""
MAX_DECOMPRESSED_BYTES = 256 << 20
MAX_DEPTH = 64

_STRING_OPCODES = frozenset(("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"))
_FRAMING_OPCODES = frozenset(("PROTO", "FRAME", "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "STOP"))


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        RowUnusable: not JSON, not UTF-8, NaN or Infinity, or nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise RowUnusable("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise RowUnusable(f"not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise RowUnusable("JSON nested too deeply") from None
    except ValueError as error:  # an integer of more digits than Python converts
        raise RowUnusable(f"not usable JSON: {error}") from None


def parse_literal(text: str) -> Any:
    """The value of a Python literal: what ``repr`` wrote of dicts, lists, strings and numbers.

    Raises:
        RowUnusable: not a literal, or beyond the bounds.
    """
    if len(text) > MAX_LITERAL_CHARACTERS:
        raise RowUnusable(f"a Python literal of more than {MAX_LITERAL_CHARACTERS} characters")
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError):
        raise RowUnusable("neither JSON nor a Python literal") from None
    except (RecursionError, MemoryError):
        raise RowUnusable("a Python literal nested too deeply") from None


def parse_json_or_literal(value: Any) -> Any:
    """The value of a string that holds JSON or, failing that, a Python literal; other values as they are.

    Raises:
        RowUnusable: the string is neither.
    """
    if not isinstance(value, str):
        return value
    try:
        return parse_json(value)
    except RowUnusable:
        return parse_literal(value)


def decode_compressed_tests(text: str) -> Any:
    """LiveCodeBench's private tests: base64 of zlib of a pickled string of JSON.

    Nothing is unpickled: the opcodes are read, and only those that make up one string are accepted.

    Raises:
        RowUnusable: not of that form, or larger than ``MAX_DECOMPRESSED_BYTES``.
    """
    try:
        compressed = base64.b64decode(text, validate=True)
        inflater = zlib.decompressobj()
        pickled = inflater.decompress(compressed, MAX_DECOMPRESSED_BYTES)
    except (binascii.Error, zlib.error, ValueError):
        raise RowUnusable("neither JSON nor base64 of zlib") from None
    if inflater.unconsumed_tail:
        raise RowUnusable(f"decompresses to more than {MAX_DECOMPRESSED_BYTES} bytes")
    if not inflater.eof:
        raise RowUnusable("compressed tests are cut off")
    return parse_json(pickled_string(pickled))


def pickled_string(pickled: bytes) -> str:
    """The string that a pickle holds, if it holds one string and nothing else.

    Raises:
        RowUnusable: anything else stands in the pickle.
    """
    strings: list[str] = []
    try:
        for opcode, argument, _ in pickletools.genops(pickled):
            if opcode.name in _STRING_OPCODES:
                strings.append(str(argument))
            elif opcode.name not in _FRAMING_OPCODES:
                raise RowUnusable(f"a pickle of something else than a string ({opcode.name})")
    except RowUnusable:
        raise
    except ValueError:
        raise RowUnusable("a broken pickle") from None
    if len(strings) != 1:
        raise RowUnusable("a pickle of something else than one string")
    return strings[0]


def plain(value: Any, depth: int = MAX_DEPTH) -> Any:
    """The value in JSON's own types: arrays of numpy and tuples become lists, mappings become dicts.

    Raises:
        RowUnusable: nested too deeply.
    """
    if depth == 0:
        raise RowUnusable("nested too deeply")
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(inside, depth - 1) for key, inside in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist(), depth - 1)
    if isinstance(value, list | tuple):
        return [plain(inside, depth - 1) for inside in value]
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise RowUnusable(f"{name} is not JSON")
