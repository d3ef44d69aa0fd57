"""``verifier diff``: what changed between two files that ``verifier score --out`` wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from verifier.cli.problems import UsageError, refusals
from verifier.datasets import MalformedRow, read_rows


@dataclass(frozen=True, slots=True)
class Scored:
    """What a scored file says of one row."""

    key: str
    """The row's id, or its index where ids do not name the rows."""
    status: str
    reward: float | None
    verdicts: dict[str, str]
    """By component: its verdict, or its status where there is none."""


@dataclass(slots=True)
class ScoredFile:
    """A scored file, less the details."""

    rows: dict[str, Scored]
    graders: dict[str, set[int]]
    """The versions of each reward type that its rows were scored by."""

    @property
    def mean(self) -> float | None:
        """The mean reward of the rows that have one."""
        rewards = [row.reward for row in self.rows.values() if row.reward is not None]
        return sum(rewards) / len(rewards) if rewards else None


@dataclass(slots=True)
class Difference:
    """What changed from one scored file to another."""

    flips: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """``(component, old verdict, new verdict)`` and how often."""
    changed: list[tuple[Scored, Scored]] = field(default_factory=list)
    """Rows with another status, reward or verdict; the largest change of reward first."""
    only_old: list[str] = field(default_factory=list)
    only_new: list[str] = field(default_factory=list)
    graders: list[str] = field(default_factory=list)
    """One line for each reward type whose version is another."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.changed or self.only_old or self.only_new or self.graders)


def diff(
    old: Annotated[Path, typer.Argument(help="What verifier score --out wrote before.")],
    new: Annotated[Path, typer.Argument(help="What it wrote now.")],
    show: Annotated[int, typer.Option(min=0, help="How many changed rows to list.")] = 20,
) -> None:
    """Compare two scored files by id, else by index. Exits with 1 when anything but times changed."""
    with refusals("diff"):
        before, after = read_scored(old, new)
    difference = compare(before, after)
    Console().print(_rendered(before, after, difference, show))
    if not difference.is_empty:
        raise typer.Exit(1)


def read_scored(*files: Path) -> list[ScoredFile]:
    """Scored files, keyed alike: by id where every row of every file has one of its own, else by index.

    Raises:
        UsageError: a file is not what ``verifier score --out`` writes.
    """
    read = [list(_records(file)) for file in files]
    by_id = all(_ids_are_names(records) for records in read)
    return [_scored_file(records, "id" if by_id else "index") for records in read]


def compare(old: ScoredFile, new: ScoredFile) -> Difference:
    """What changed. Times and details do not count."""
    difference = Difference(
        only_old=[key for key in old.rows if key not in new.rows],
        only_new=[key for key in new.rows if key not in old.rows],
        graders=list(_changed_graders(old, new)),
    )
    for key, before in old.rows.items():
        after = new.rows.get(key)
        if after is None or before == after:
            continue
        difference.changed.append((before, after))
        for name in before.verdicts.keys() | after.verdicts.keys():
            was, now = before.verdicts.get(name, "absent"), after.verdicts.get(name, "absent")
            if was != now:
                difference.flips[name, was, now] += 1
    difference.changed.sort(key=lambda pair: -abs((pair[1].reward or 0.0) - (pair[0].reward or 0.0)))
    return difference


def _records(file: Path) -> Iterator[dict[str, Any]]:
    for row in read_rows(file):
        if isinstance(row, MalformedRow):
            raise UsageError(f"{file}, line {row.line}: {row.reason}")
        if not isinstance(row.fields, dict) or not {"status", "reward", "index"} <= row.fields.keys():
            raise UsageError(f"{file}, line {row.line}: not what verifier score --out writes")
        yield row.fields


def _ids_are_names(records: list[dict[str, Any]]) -> bool:
    ids = [record.get("id") for record in records]
    return None not in ids and len(set(ids)) == len(ids)


def _scored_file(records: list[dict[str, Any]], key: str) -> ScoredFile:
    graders: dict[str, set[int]] = {}
    for record in records:
        for name, version in record.get("graders", {}).items():
            graders.setdefault(name, set()).add(version)
    rows = (_scored(record, str(record[key])) for record in records)
    return ScoredFile({row.key: row for row in rows}, graders)


def _scored(record: dict[str, Any], key: str) -> Scored:
    verdicts = {
        part["name"]: part["verdict"] if part["status"] == "ok" else part["status"]
        for part in record.get("components", ())
    }
    return Scored(key, record["status"], record["reward"], verdicts)


def _changed_graders(old: ScoredFile, new: ScoredFile) -> Iterator[str]:
    for name in sorted(old.graders.keys() | new.graders.keys()):
        was, now = old.graders.get(name, set()), new.graders.get(name, set())
        if was != now:
            yield f"{name}: version {_versions(was)} → {_versions(now)}"


def _versions(versions: set[int]) -> str:
    return ", ".join(map(str, sorted(versions))) or "none"


def _rendered(old: ScoredFile, new: ScoredFile, difference: Difference, show: int) -> RenderableType:
    lines = [
        Text(
            f"{len(old.rows)} → {len(new.rows)} rows, mean reward {_number(old.mean)} → {_number(new.mean)}"
        ),
        Text(f"{len(difference.changed)} rows changed" if difference.changed else "no row changed"),
    ]
    for title, keys in (("only in OLD", difference.only_old), ("only in NEW", difference.only_new)):
        if keys:
            shown = ", ".join(keys[:show]) + (", …" if len(keys) > show else "")
            lines.append(Text(f"{len(keys)} rows {title}: {shown}"))
    lines += [Text(f"grader {line}") for line in difference.graders]
    tables = [_flips_table(difference)] if difference.flips else []
    if difference.changed[:show]:
        tables.append(_changes_table(difference, show))
    return Group(*lines, *tables)


def _flips_table(difference: Difference) -> Table:
    table = Table("reward", "old verdict", "new verdict", "rows")
    for (name, was, now), count in difference.flips.most_common():
        table.add_row(name, was, now, str(count))
    return table


def _changes_table(difference: Difference, show: int) -> Table:
    table = Table("row", "old reward", "new reward", "old verdicts", "new verdicts")
    for before, after in difference.changed[:show]:
        table.add_row(
            before.key,
            _reward(before),
            _reward(after),
            ", ".join(before.verdicts.values()),
            ", ".join(after.verdicts.values()),
        )
    if len(difference.changed) > show:
        table.caption = f"{len(difference.changed) - show} more; --show N lists more"
    return table


def _reward(row: Scored) -> str:
    return row.status if row.reward is None else _number(row.reward)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
