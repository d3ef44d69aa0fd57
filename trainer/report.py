"""report.html: a run's curves and samples on one page, without a network or a script library.

The curves are drawn here as inline SVG: matplotlib would start slower than the whole page is made, and
weigh more.
"""

import html
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.monitor import CONFIG, EVAL, METRICS, ROLLOUTS, SUMMARY, read_lines

WIDTH, HEIGHT, MARGIN = 420, 180, 44
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#8250df", "#9a6700")
SAMPLES = 60

Points = Sequence[tuple[float, float]]

STYLE = """ body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0
1rem; color: #1f2328 } figure { display: inline-block; margin: 0 1rem 1.5rem 0 } figcaption { font-weight:
600 } table { border-collapse: collapse; margin-bottom: 1.5rem } td, th { border-bottom: 1px solid #d1d9e0;
padding: .25rem .7rem; text-align: left; vertical-align: top } code, pre { font: 13px/1.4 ui-monospace,
monospace; white-space: pre-wrap } svg text { font: 11px system-ui, sans-serif; fill: #59636e } .axis {
stroke: #d1d9e0 }
"""


def write_report(folder: Path) -> Path:
    """Write report.html from the files of a run, and return its path."""
    metrics, evaluations = read_lines(folder / METRICS), read_lines(folder / EVAL)
    summary = json.loads((folder / SUMMARY).read_text()) if (folder / SUMMARY).exists() else {}
    sections = [
        f"<h1>{_text(folder.name)}</h1>",
        _table(["", "value"], [[name, _number(value)] for name, value in summary.items()]),
        "<h2>Curves</h2>",
        *_figures(metrics, evaluations),
        "<h2>Completions</h2>",
        _rollouts(read_lines(folder / ROLLOUTS)),
        "<h2>Configuration</h2>",
        f"<details><summary>config.toml</summary><pre>{_text((folder / CONFIG).read_text())}</pre></details>",
    ]
    head = f'<meta charset="utf-8"><title>{_text(folder.name)}</title><style>{STYLE}</style>'
    page = (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n'
        + "\n".join(sections)
        + "\n</body></html>\n"
    )
    path = folder / "report.html"
    path.write_text(page)
    return path


def _figures(metrics: Sequence[Mapping[str, Any]], evaluations: Sequence[Mapping[str, Any]]) -> list[str]:
    """One figure a subject: curves that belong together share one."""
    components = [name for name in _names(metrics) if name.startswith("reward/") and name.count("/") == 2]
    subjects = {
        "Held-out accuracy": (
            evaluations,
            [n for n in _names(evaluations) if n == "accuracy" or n.startswith("pass@")],
        ),
        "Accuracy of samples": (metrics, ["accuracy"]),
        "Reward": (metrics, ["reward/mean", "reward/std"]),
        "Reward by component": (metrics, components),
        "Length (tokens)": (metrics, ["length/mean", "length/stopped_mean"]),
        "Shares of groups, completions and items": (
            metrics,
            ["groups/zero_spread", "length/clipped", "groups/dropped_stale", "items/masked"],
        ),
        "Loss": (metrics, ["loss"]),
        "Divergence and clipping": (metrics, ["kl", "clip_fraction"]),
        "Entropy": (metrics, ["entropy"]),
        "Gradient norm": (metrics, ["grad_norm"]),
        "Seconds a step": (metrics, ["time/sample", "time/wait", "time/train"]),
        "Staleness (updates)": (metrics, ["staleness/mean"]),
        "Tokens a second": (metrics, ["tokens_per_s"]),
    }
    figures = []
    for title, (rows, names) in subjects.items():
        curves = {name: points for name in names if (points := _points(rows, name))}
        if curves:
            figures.append(f"<figure><figcaption>{title}</figcaption>{chart(curves)}</figure>")
    return figures


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _points(rows: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    return [(row["step"], row[name]) for row in rows if row.get(name) is not None]


def chart(curves: Mapping[str, Points]) -> str:
    """An SVG of curves over steps, with a legend and the range of both axes."""
    xs = [x for points in curves.values() for x, _ in points]
    ys = [y for points in curves.values() for _, y in points]
    left, right, bottom, top = min(xs), max(xs), min(0.0, *ys), max(ys)
    across, up = (right - left) or 1.0, (top - bottom) or 1.0

    def place(x: float, y: float) -> str:
        px = MARGIN + (x - left) / across * (WIDTH - MARGIN - 10)
        return f"{px:.1f},{HEIGHT - 22 - (y - bottom) / up * (HEIGHT - 50):.1f}"

    axes = f"{place(left, top)} {place(left, bottom)} {place(right, bottom)}"
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">',
        f'<polyline class="axis" fill="none" points="{axes}"/>',
        f'<text x="2" y="32">{_number(top)}</text><text x="2" y="{HEIGHT - 22}">{_number(bottom)}</text>',
        f'<text x="{MARGIN}" y="{HEIGHT - 6}">{_number(left)}</text>',
        f'<text x="{WIDTH - 10}" y="{HEIGHT - 6}" text-anchor="end">{_number(right)}</text>',
    ]
    at = MARGIN
    for (name, points), colour in zip(curves.items(), COLOURS, strict=False):
        line = " ".join(place(x, y) for x, y in points)
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{line}"/>')
        parts.append(f'<text x="{at}" y="12" style="fill:{colour}">{_text(name)}</text>')
        at += 12 + 6 * len(name)
    return "".join(parts) + "</svg>"


def _rollouts(rows: Sequence[Mapping[str, Any]]) -> str:
    """The last samples, each with every component's score and reason."""
    columns = ["step", "prompt", "completion", "reward", "components"]
    body = []
    for row in rows[-SAMPLES:]:
        why = "; ".join(
            f"{c['name']} {_number(c['score'])} ({c.get('verdict') or c['status']})"
            for c in row["components"]
        )
        body.append([str(row["step"]), row["prompt"], row["completion"], _number(row["reward"]), why])
    return _table(columns, body)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{_text(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td><code>{_text(c)}</code></td>" for c in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _number(value: object) -> str:
    """A number at four digits; a dash where there is none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _text(value: object) -> str:
    return html.escape(str(value))
