"""Counts over scored items, and the closing table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


@dataclass(slots=True)
class _Component:
    """One reward over all items."""

    verdicts: Counter[str] = field(default_factory=Counter)
    judged: int = 0
    total: float = 0.0


@dataclass(slots=True)
class Tally:
    """What became of the rows of a file. Grows with the number of rewards, not of rows."""

    statuses: Counter[str] = field(default_factory=Counter)
    reward_total: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)
    """Items without a reward, by error code."""
    _messages: dict[str, str] = field(default_factory=dict)
    """Of each error code, what the first item in error was told."""
    malformed: int = 0
    solutions: int = 0
    """Items whose completion was the data set's own solution."""
    graders: dict[str, int] = field(default_factory=dict)
    _components: dict[str, _Component] = field(default_factory=dict)

    def add(self, result: dict[str, Any]) -> None:
        """Count one result of a response."""
        self.statuses[result["status"]] += 1
        if result["status"] == "ok":
            self.reward_total += result["reward"]
        elif result.get("error"):
            code = result["error"]["code"]
            self.errors[code] += 1
            self._messages.setdefault(code, result["error"]["message"])
        for part in result["components"]:
            component = self._components.setdefault(part["name"], _Component())
            component.verdicts[part["verdict"] if part["status"] == "ok" else part["status"]] += 1
            if part["status"] == "ok":
                component.judged += 1
                component.total += part["score"]

    @property
    def is_clean(self) -> bool:
        """Whether every row was scored."""
        return not self.malformed and self.statuses.total() == self.statuses["ok"]

    def __rich__(self) -> RenderableType:
        """The closing table."""
        return Group(*self._lines(), self._table()) if self._components else Group(*self._lines())

    def _lines(self) -> list[Text]:
        judged = self.statuses["ok"]
        mean = f", mean reward {self.reward_total / judged:.4f}" if judged else ""
        lines = [Text(f"{self.statuses.total() + self.malformed} rows: {judged} scored{mean}")]
        if self.solutions:
            lines.append(Text(f"{self.solutions} of the completions are the data set's own solutions"))
        if self.malformed:
            lines.append(Text(f"{self.malformed} malformed rows", style="red"))
        for code, count in self.errors.most_common():
            lines.append(Text(f"{count} without a reward: {code} ({self._messages[code]})", style="red"))
        return lines

    def _table(self) -> Table:
        table = Table("reward", "mean score", "verdicts")
        for name, component in self._components.items():
            mean = f"{component.total / component.judged:.4f}" if component.judged else "–"
            verdicts = ", ".join(f"{verdict} {count}" for verdict, count in component.verdicts.most_common())
            table.add_row(name, mean, verdicts)
        if self.graders:
            versions = ", ".join(f"{name} {version}" for name, version in sorted(self.graders.items()))
            table.caption = f"grader versions: {versions}"
        return table
