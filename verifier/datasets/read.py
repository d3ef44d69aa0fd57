"""Rows from files, one at a time: JSON lines (gzipped or not), one JSON array, parquet."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from verifier.datasets.decode import parse_json
from verifier.datasets.item import MalformedRow, RowUnusable

MAX_LINE_BYTES = 256 << 20
MAX_ARRAY_BYTES = 1 << 30
_PARQUET_BATCH_ROWS = 64


class UnreadableFile(ValueError):
    """A file of which no row can be read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row and where it stands."""

    line: int
    """The line of a JSONL file, else the row's position; both count from 1."""
    fields: Any


def read_rows(path: Path | str) -> Iterator[SourceRow | MalformedRow]:
    """The rows of a file, streamed. What the file holds is told by its content, not by its name.

    Raises:
        UnreadableFile: broken gzip or parquet, an array too large, or parquet without pyarrow installed.
        OSError: the file cannot be opened.
    """
    path = Path(path)
    with path.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        if magic == b"PAR1":
            yield from _parquet(path)
        elif magic[:2] == b"\x1f\x8b":
            with gzip.open(file) as unzipped:
                yield from _unzipped(unzipped, path)
        else:
            yield from _json(file, path)


def row_count(path: Path | str) -> int | None:
    """About how many rows a file holds, for a progress bar; None where telling means unpacking it all."""
    path = Path(path)
    with path.open("rb") as file:
        magic = file.read(4)
        if magic == b"PAR1":
            return int(_parquet_file(path).metadata.num_rows)
        if magic[:2] == b"\x1f\x8b" or (".json" in path.suffixes and magic[:1] == b"["):
            return None
        return magic.count(b"\n") + sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _unzipped(file: Any, path: Path) -> Iterator[SourceRow | MalformedRow]:
    try:
        yield from _json(file, path)
    except (gzip.BadGzipFile, EOFError):
        raise UnreadableFile(f"{path} is broken or cut off: gunzip it to see") from None


def _json(file: BinaryIO, path: Path) -> Iterator[SourceRow | MalformedRow]:
    if ".json" in path.suffixes and file.peek(1)[:1] == b"[":  # type: ignore[attr-defined]
        return _array(file, path)
    return _lines(file)


def _array(file: BinaryIO, path: Path) -> Iterator[SourceRow | MalformedRow]:
    text = file.read(MAX_ARRAY_BYTES + 1)
    if len(text) > MAX_ARRAY_BYTES:
        raise UnreadableFile(
            f"{path} is one JSON array of over {MAX_ARRAY_BYTES} bytes: write it as JSON lines"
        )
    try:
        rows = parse_json(text)
    except RowUnusable as error:
        raise UnreadableFile(f"{path}: {error}") from None
    for position, row in enumerate(rows, 1):
        yield SourceRow(position, row)


def _lines(file: BinaryIO) -> Iterator[SourceRow | MalformedRow]:
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            _skip_line(file, line)
            yield MalformedRow(number, f"a line of more than {MAX_LINE_BYTES} bytes")
        elif line.strip():
            try:
                yield SourceRow(number, parse_json(line))
            except RowUnusable as error:
                yield MalformedRow(number, str(error))


def _skip_line(file: BinaryIO, read: bytes) -> None:
    while read and not read.endswith(b"\n"):
        read = file.readline(1 << 20)


def _parquet_file(path: Path) -> Any:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise UnreadableFile(f"{path} is parquet: pip install 'rlvr-verifier[datasets]' to read it") from None
    try:
        return parquet.ParquetFile(path)
    except (ArrowException, OSError) as error:
        raise UnreadableFile(f"{path} is not readable as parquet: {error}") from None


def _parquet(path: Path) -> Iterator[SourceRow | MalformedRow]:
    file = _parquet_file(path)
    batches = file.iter_batches(batch_size=_PARQUET_BATCH_ROWS)
    position = 0
    while True:
        try:
            rows = next(batches).to_pylist()
        except StopIteration:
            return
        except (ValueError, OSError) as error:  # pyarrow's own derive from these
            raise UnreadableFile(f"{path} is broken after row {position}: {error}") from None
        for row in rows:
            position += 1
            yield SourceRow(position, row)
