import json
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from trainer.report import chart, write_report

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Fails on tags that do not close in order; collects what the page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [str(value) for name, value in attributes if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    metrics = [
        {"step": i, "reward/mean": i / 10, "reward/math/mean": None, "loss": -0.1} for i in range(1, 4)
    ]
    evaluations = [{"step": 0, "task": "addition", "accuracy": 0.25, "pass@4": 0.5}]
    component = {"name": "math", "status": "ok", "score": 0.0, "verdict": "incorrect"}
    rollout = {
        "step": 1,
        "prompt": "1+1=",
        "completion": "<script>alert(1)</script>",
        "reward": None,
        "components": [component],
    }
    for name, lines in (("metrics", metrics), ("eval", evaluations), ("rollouts", [rollout])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "summary.json").write_text('{"accuracy_before": 0.25}')
    (tmp_path / "config.toml").write_text('name = "<b>"\n')
    return tmp_path


def test_it_is_one_well_formed_page_without_a_network(folder: Path) -> None:
    page = Page()
    page.feed(write_report(folder).read_text())
    assert page.open == []
    assert page.loads == []
    assert page.tags.count("svg") == 3  # accuracy, reward, loss: what has no number has no figure
    assert not {"script", "link", "img", "b"} & set(page.tags)


def test_it_shows_the_summary_and_completions_with_their_reasons(folder: Path) -> None:
    page = Page()
    page.feed(write_report(folder).read_text())
    for text in (
        "accuracy_before",
        "0.25",
        "<script>alert(1)</script>",
        "math 0 (incorrect)",
        'name = "<b>"',
    ):
        assert text in page.text


def test_a_chart_is_svg_with_a_line_for_each_curve() -> None:
    root = ElementTree.fromstring(chart({"a": [(0, 1.0), (5, 2.0)], "b<": [(2, -1.0)]}))
    assert len(root.findall("polyline")) == 3
    assert [text.text for text in root.findall("text")] == ["2", "-1", "0", "5", "a", "b<"]
