"""``verifier score``: score a file of items, or of rows of a known data set."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from verifier.cli.choice import (
    ApiKeyFile,
    DatasetFormat,
    Plugins,
    PresetName,
    Processes,
    RewardsFile,
    Sandbox,
    Url,
    keep_apart,
    read_choice,
)
from verifier.cli.problems import refusals
from verifier.cli.source import Batch, batches
from verifier.cli.tally import Tally
from verifier.datasets import AUTO, MalformedRow, read_rows, row_count, to_items
from verifier.schema import JsonObject

_MAX_SHOWN_ROWS = 20


def score(
    file: Annotated[Path, typer.Argument(help="JSON lines (also gzipped), a JSON array, or parquet.")],
    rewards: RewardsFile = None,
    preset: PresetName = None,
    dataset_format: DatasetFormat = AUTO,
    completion_field: Annotated[
        str | None, typer.Option(help="The completions' field. Default: completion, else the own solution.")
    ] = None,
    reference_field: Annotated[
        str | None, typer.Option(help="The reference's field: an answer, several, or an object.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write a JSON line for every row here.")] = None,
    url: Url = None,
    api_key_file: ApiKeyFile = None,
    sandbox: Sandbox = "auto",
    processes: Processes = None,
    plugins: Plugins = None,
) -> None:
    """Score a file, in this process or by a server. Exits with 1 when a row was left without a reward."""
    from verifier.cli.pipeline import score_batches
    from verifier.cli.scorer import open_scorer
    from verifier.logs import configure_logging

    configure_logging("console", logging.WARNING)

    async def run(report: _Report) -> None:
        rows = to_items(
            read_rows(file),
            dataset_format,
            completion_field=completion_field,
            reference_field=reference_field,
        )
        async with open_scorer(
            url,
            api_key_file=api_key_file,
            sandbox=sandbox,
            processes=processes,
            plugins=plugins or (),
        ) as scorer:
            await score_batches(scorer, batches(rows, choice), choice, report.take)

    with refusals("score"):
        choice = read_choice(rewards, preset)
        keep_apart(file, out)
        with _reporting(out, row_count(file)) as report:
            asyncio.run(run(report))
    Console().print(report.tally)
    if not report.tally.is_clean:
        raise typer.Exit(1)


class _Report:
    """Takes in what became of each row, in the order of the file."""

    def __init__(self, out: IO[bytes] | None, progress: Progress, total: int | None) -> None:
        self.tally = Tally()
        self._out = out
        self._progress = progress
        self._task = progress.add_task("scoring", total=total)
        self._index = 0
        self._line = 0

    def take(self, batch: Batch, response: JsonObject) -> None:
        """Count, show and write a batch."""
        results = iter(response["results"])
        self.tally.graders |= response["graders"]
        for entry in batch.entries:
            if isinstance(entry, MalformedRow):
                self._malformed(entry)
            else:
                result = next(results)
                self.tally.add(result)
                self.tally.solutions += entry.is_solution
                self._write({**result, "line": entry.line, "graders": response["graders"]})
            self._progress.update(self._task, completed=entry.line)

    def _malformed(self, row: MalformedRow) -> None:
        self.tally.malformed += 1
        if self.tally.malformed <= _MAX_SHOWN_ROWS:
            self._progress.console.print(f"line {row.line}: {escape(row.reason)}", highlight=False)
        elif self.tally.malformed == _MAX_SHOWN_ROWS + 1:
            self._progress.console.print("… more malformed rows; --out FILE lists them all")
        self._write(
            {"id": None, "status": "malformed", "reward": None, "line": row.line, "reason": row.reason}
        )

    def _write(self, record: dict[str, Any]) -> None:
        if self._out is not None:
            self._out.write(orjson.dumps({**record, "index": self._index}, option=orjson.OPT_APPEND_NEWLINE))
        self._index += 1


@contextmanager
def _reporting(out: Path | None, total: int | None) -> Iterator[_Report]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with (
        Progress(*columns, console=Console(stderr=True), transient=True) as progress,
        nullcontext() if out is None else out.open("wb") as file,
    ):
        yield _Report(file, progress, total)
