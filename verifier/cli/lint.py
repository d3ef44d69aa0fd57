"""``verifier lint``: are a file's references usable? Found before a run, not after a week of it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
import typer
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

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
from verifier.datasets import AUTO, DatasetItem, MalformedRow, read_rows, to_items
from verifier.schema import JsonObject

Kind = Literal["malformed", "unusable", "contradiction", "solution_fails", "not_checked"]

_MEANING: dict[Kind, str] = {
    "malformed": "the row is not understood",
    "unusable": "the reference cannot be used",
    "contradiction": "two rows ask the same and want different answers",
    "solution_fails": "the row's own solution is not rewarded by its own reference",
    "not_checked": "the solution could not be judged here",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a row."""

    line: int
    id: str | None
    kind: Kind
    message: str


@dataclass(slots=True)
class Report:
    """What was found in a file."""

    rows: int = 0
    solutions: int = 0
    """Rows whose own solution was judged."""
    findings: list[Finding] = field(default_factory=list)

    def take(self, batch: Batch, response: JsonObject) -> None:
        """Look at a scored batch."""
        results = iter(response["results"])
        for entry in batch.entries:
            self.rows += 1
            if isinstance(entry, MalformedRow):
                self.findings.append(Finding(entry.line, None, "malformed", entry.reason))
                continue
            result = next(results)
            self.solutions += entry.is_solution
            problem = _problem(result, entry.is_solution)
            if problem is not None:
                self.findings.append(Finding(entry.line, entry.id, *problem))


def lint(
    file: Annotated[Path, typer.Argument(help="JSON lines (also gzipped), a JSON array, or parquet.")],
    rewards: RewardsFile = None,
    preset: PresetName = None,
    dataset_format: DatasetFormat = AUTO,
    reference_field: Annotated[
        str | None, typer.Option(help="The reference's field: an answer, several, or an object.")
    ] = None,
    solutions: Annotated[
        bool, typer.Option(help="Judge the rows' own solutions by their references.")
    ] = True,
    out: Annotated[Path | None, typer.Option(help="Write a JSON line for every finding here.")] = None,
    show: Annotated[int, typer.Option(min=0, help="How many findings to list.")] = 50,
    url: Url = None,
    api_key_file: ApiKeyFile = None,
    sandbox: Sandbox = "auto",
    processes: Processes = None,
    plugins: Plugins = None,
) -> None:
    """Check the references of a file before a run. Exits with 1 when something is wrong with one."""
    from verifier.cli.pipeline import score_batches
    from verifier.cli.scorer import open_scorer
    from verifier.logs import configure_logging

    configure_logging("console", logging.WARNING)
    report = Report()

    async def run() -> None:
        rows = to_items(read_rows(file), dataset_format, reference_field=reference_field)
        probes = _probes(_watched(rows, report), with_solutions=solutions)
        async with open_scorer(
            url,
            api_key_file=api_key_file,
            sandbox=sandbox,
            processes=processes,
            plugins=plugins or (),
        ) as scorer:
            await score_batches(scorer, batches(probes, choice), choice, report.take)

    with refusals("lint"):
        choice = read_choice(rewards, preset)
        keep_apart(file, out)
        asyncio.run(run())
        report.findings.sort(key=lambda finding: finding.line)
        if out is not None:
            with out.open("wb") as written:
                for finding in report.findings:
                    written.write(orjson.dumps(finding, option=orjson.OPT_APPEND_NEWLINE))
    Console().print(_rendered(report, show))
    if report.findings:
        raise typer.Exit(1)


def _watched(
    rows: Iterable[DatasetItem | MalformedRow], report: Report
) -> Iterator[DatasetItem | MalformedRow]:
    """The rows, each compared with the earlier ones that ask the same. Holds two digests a prompt."""
    seen: dict[bytes, tuple[int, bytes]] = {}
    for row in rows:
        if isinstance(row, DatasetItem) and row.prompt is not None:
            prompt, reference = _digest(row.prompt), _digest(row.reference)
            line, earlier = seen.setdefault(prompt, (row.line, reference))
            if earlier != reference:
                message = f"line {line} asks the same and has another reference"
                report.findings.append(Finding(row.line, row.id, "contradiction", message))
        yield row


def _digest(value: Any) -> bytes:
    """Equal for values that differ in white space alone."""
    written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return hashlib.blake2b("".join(written.replace("\\n", "").split()).encode(), digest_size=16).digest()


def _probes(
    rows: Iterable[DatasetItem | MalformedRow], *, with_solutions: bool
) -> Iterator[DatasetItem | MalformedRow]:
    """Each row with the completion that tells most about its reference: its solution, else an empty one."""
    for row in rows:
        if isinstance(row, MalformedRow):
            yield row
        elif with_solutions and row.solution is not None:
            yield replace(row, completions=())
        else:
            yield replace(row, completions=("",), solution=None)


def _problem(result: JsonObject, is_solution: bool) -> tuple[Kind, str] | None:
    if result["status"] == "invalid":
        return "unusable", f"{result['error']['code']}: {result['error']['message']}"
    if not is_solution:
        return None
    if result["status"] == "error":
        return "not_checked", f"{result['error']['code']}: {result['error']['message']}"
    wrong = [part for part in result["components"] if part["verdict"] not in ("correct", "scored")]
    if not wrong:
        return None
    return "solution_fails", "; ".join(_why(part) for part in wrong)


def _why(part: dict[str, Any]) -> str:
    """A component's verdict, and what of its detail fits on a line."""
    said = part["detail"]
    names = ("extracted", "reference", "passed", "total", "reason")
    facts = ", ".join(f"{name} {said[name]}" for name in names if name in said)
    return f"{part['name']}: {part['verdict']}" + (f" ({facts})" if facts else "")


def _rendered(report: Report, show: int) -> RenderableType:
    lines = [Text(f"{report.rows} rows, {report.solutions} of their own solutions judged")]
    kinds = Counter(finding.kind for finding in report.findings)
    lines += [Text(f"{count} {kind}: {_MEANING[kind]}", style="red") for kind, count in kinds.most_common()]
    if not report.findings:
        lines.append(Text("nothing wrong was found", style="green"))
    table = Table("line", "id", "finding", "what")
    for finding in report.findings[:show]:
        table.add_row(str(finding.line), finding.id or "", finding.kind, escape(finding.message))
    if len(report.findings) > show:
        table.caption = f"{len(report.findings) - show} more; --show N or --out FILE lists them"
    return Group(*lines, table) if report.findings[:show] else Group(*lines)
