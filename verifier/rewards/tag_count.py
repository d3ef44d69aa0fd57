"""``tag_count``: what share of the tags stands exactly once? 0 to 1.

Open-R1's ``tag_count`` gives .25 for each of the four tags of ``<think>…</think><answer>…</answer>`` that
stands exactly once (huggingface/open-r1, ``rewards.py``); there each tag includes the line breaks around it,
here where ``line_breaks`` says so. Each tag counts for itself: this shapes a format, it does not check one.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from verifier.rewards.base import ItemReward, RewardParameters, Sample, Score
from verifier.rewards.format import Tag
from verifier.schema import Verdict


class TagCountParameters(RewardParameters):
    """Which tags, and whether they stand on lines of their own."""

    type: Literal["tag_count"]
    tags: Annotated[list[Tag], Field(min_length=1, max_length=16)] = Field(default=["think", "answer"])
    line_breaks: bool = False
    """Open-R1's form: a break after an opening tag and before a closing one, and between the blocks."""


class TagCountReward(ItemReward[TagCountParameters]):
    """The share of opening and closing tags that stand exactly once."""

    type_name = "tag_count"
    Parameters = TagCountParameters

    def score(self, sample: Sample, parameters: TagCountParameters) -> Score:
        """Count each tag."""
        marks = _marks(parameters.tags, parameters.line_breaks)
        counts = {mark.strip(): sample.completion.count(mark) for mark in marks}
        share = sum(count == 1 for count in counts.values()) / len(marks)
        return Score(share, Verdict.SCORED, {"counts": counts})


def _marks(tags: list[str], line_breaks: bool) -> list[str]:
    """The strings to look for; no break is asked of the outer ends, where the completion begins and ends."""
    if not line_breaks:
        return [mark for tag in tags for mark in (f"<{tag}>", f"</{tag}>")]
    last = len(tags) - 1
    marks: list[str] = []
    for index, tag in enumerate(tags):
        marks.append(f"<{tag}>\n" if index == 0 else f"\n<{tag}>\n")
        marks.append(f"\n</{tag}>" if index == last else f"\n</{tag}>\n")
    return marks
