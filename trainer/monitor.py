"""Everything a run writes while it goes: the files of runs/NAME/, TensorBoard events, and the progress
line."""

import json
import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import tomli_w
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from trainer.config import RECORD, Config
from trainer.events import EventWriter
from trainer.rollout import ScoredGroup

PACKAGES = ("rlvr-verifier", "torch", "numpy", "tokenizers", "safetensors")
CONFIG, METRICS, EVAL, ROLLOUTS, SUMMARY = (
    "config.toml",
    "metrics.jsonl",
    "eval.jsonl",
    "rollouts.jsonl",
    "summary.json",
)


class Monitor:
    """Records a run in its folder and shows it on the terminal."""

    def __init__(self, folder: Path, console: Console | None = None) -> None:
        self.folder = folder
        self._console = console or Console(stderr=True)
        self._events = EventWriter(folder)
        self._waits = False
        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[figures]} [yellow]{task.fields[status]}[/yellow]"),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("starting", total=None, figures="", status="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        self._events.close()

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, highlight=False)

    def status(self, text: str) -> None:
        """What the run waits for, behind the progress bar; empty when it goes on. Where no line can be
        redrawn, the first of one wait is said."""
        if text and not self._waits and not self._console.is_terminal:
            self.say(text)
        self._waits = bool(text)
        self._progress.update(self._task, status=text)

    def stage(self, name: str, total: int, done: int = 0) -> None:
        """Begin a stage of so many steps."""
        self._progress.update(self._task, description=name, total=total, completed=done, figures="")

    def advance(self, done: int, **figures: float) -> None:
        """Show so many steps as done, with these figures."""
        text = " ".join(f"{name} {value:.2f}" for name, value in figures.items())
        self._progress.update(self._task, completed=done, figures=text)

    def config(self, config: Config, graders: Mapping[str, int], device: str) -> None:
        """Write config.toml: the whole configuration, and in [record] what it ran with."""
        versions = {name: version(name) for name in PACKAGES}
        record = {"device": device, "versions": versions, "graders": dict(graders)}
        text = tomli_w.dumps({**config.model_dump(), RECORD: record})
        (self.folder / CONFIG).write_text(text)

    def metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """A line of metrics.jsonl, and the same scalars as TensorBoard events."""
        self._append(METRICS, {"step": step, **metrics})
        self._events.scalars(step, metrics)

    def evaluation(self, step: int, task: str, metrics: Mapping[str, float]) -> None:
        """A line of eval.jsonl, likewise."""
        self._append(EVAL, {"step": step, "task": task, **metrics})
        self._events.scalars(step, {f"eval/{task}/{name}": value for name, value in metrics.items()})

    def rollouts(self, step: int, groups: Sequence[ScoredGroup]) -> None:
        """Lines of rollouts.jsonl: each completion with every component's score and why."""
        for scored in groups:
            group = scored.group
            for text, completion, result in zip(group.texts, group.completions, scored.results, strict=True):
                self._append(
                    ROLLOUTS,
                    {
                        "step": step,
                        "group": group.index,
                        "version": group.version,
                        "prompt": group.problem.prompt,
                        "completion": text,
                        "finish_reason": completion.finish_reason,
                        "tokens": len(completion.tokens),
                        "reference": group.problem.reference,
                        **{key: result.get(key) for key in ("status", "reward", "components", "error")},
                    },
                )

    def summary(self, summary: Mapping[str, Any]) -> None:
        """Write summary.json."""
        (self.folder / SUMMARY).write_text(json.dumps(finite(summary), indent=2) + "\n")

    def _append(self, name: str, row: Mapping[str, Any]) -> None:
        with (self.folder / name).open("a") as file:
            file.write(json.dumps(finite(row)) + "\n")


def finite(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with numbers that JSON lacks (NaN, infinities) as null."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a .jsonl file; a last line cut off by a kill is left out."""
    rows = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


def rewind(folder: Path, step: int) -> None:
    """Drop what a run wrote after a checkpoint's step, so that going on from it writes each line once."""
    for name in (METRICS, EVAL, ROLLOUTS):
        rows = [row for row in read_lines(folder / name) if row["step"] <= step]
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
