"""Rows stream from files of any kind, and each keeps its line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy
import pyarrow
import pytest
from pyarrow import parquet

from verifier.datasets import (
    DatasetItem,
    MalformedRow,
    SourceRow,
    UnreadableFile,
    read,
    read_rows,
    to_items,
)

ROWS = [{"problem": "P", "answer": "1"}, {"problem": "Q", "answer": "2"}]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def test_json_lines(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(LINES)
    assert list(read_rows(tmp_path / "rows.jsonl")) == [SourceRow(1, ROWS[0]), SourceRow(2, ROWS[1])]


def test_gzip_is_told_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(gzip.compress(LINES))
    assert [row.fields for row in read_rows(tmp_path / "rows") if isinstance(row, SourceRow)] == ROWS


def test_a_json_array(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps(ROWS))
    assert [row.fields for row in read_rows(tmp_path / "rows.json") if isinstance(row, SourceRow)] == ROWS


def test_lists_as_lines_are_rows(tmp_path: Path) -> None:
    orz = [{"value": "Q"}, {"ground_truth": {"value": "8"}}]
    (tmp_path / "rows.jsonl").write_text(json.dumps(orz) + "\n")
    (item,) = to_items(read_rows(tmp_path / "rows.jsonl"))
    assert isinstance(item, DatasetItem)
    assert item.format == "orz"


def test_parquet_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "_PARQUET_BATCH_ROWS", 2)
    many = [{"problem": f"P{number}", "answer": str(number)} for number in range(5)]
    parquet.write_table(pyarrow.Table.from_pylist(many), tmp_path / "rows.parquet")
    rows = list(read_rows(tmp_path / "rows.parquet"))
    assert rows == [SourceRow(number + 1, row) for number, row in enumerate(many)]


def test_blank_lines_count_and_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(b"\n" + LINES + b"  \n")
    assert [row.line for row in read_rows(tmp_path / "rows.jsonl")] == [2, 3]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b"{" * 100_000, "JSON"),
    ],
)
def test_a_bad_line_is_reported_and_the_rest_is_read(tmp_path: Path, bad: bytes, said: str) -> None:
    (tmp_path / "rows.jsonl").write_bytes(bad + b"\n" + LINES)
    first, *rest = read_rows(tmp_path / "rows.jsonl")
    assert isinstance(first, MalformedRow)
    assert first.line == 1
    assert said in first.reason
    assert [row.line for row in rest] == [2, 3]


def test_an_endless_line_is_skipped_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_LINE_BYTES", 100)
    (tmp_path / "rows.jsonl").write_bytes(b"[" * 5000 + b"\n" + LINES)
    first, *rest = read_rows(tmp_path / "rows.jsonl")
    assert first == MalformedRow(1, "a line of more than 100 bytes")
    assert [row.line for row in rest] == [2, 3]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.jsonl.gz", gzip.compress(LINES)[:-10], "broken or cut off"),
        ("rows.parquet", b"PAR1 and nothing else PAR1", "not readable as parquet"),
        ("rows.json", b'[{"problem": "P"}, ', "not JSON"),
    ],
    ids=["gzip", "parquet", "JSON"],
)
def test_a_broken_file_says_so(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFile, match=said):
        list(read_rows(tmp_path / name))


def test_an_array_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_ARRAY_BYTES", 10)
    (tmp_path / "rows.json").write_text(json.dumps(ROWS))
    with pytest.raises(UnreadableFile, match="write it as JSON lines"):
        list(read_rows(tmp_path / "rows.json"))


def test_rows_with_arrays_of_numpy_are_understood() -> None:
    row = {"problem": "P", "answer": numpy.array(["1", "2"], dtype=object), "level": numpy.int64(3)}
    (item,) = to_items([row])
    assert isinstance(item, DatasetItem)
    assert item.reference == {"answer": ["1", "2"]}
    assert item.metadata == {"level": 3}
