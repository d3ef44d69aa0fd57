"""``format``: does the completion hold the form that was asked for? 1 or 0.

Published as the format reward of DeepSeek-R1 (arXiv 2501.12948, §2.2.2): the reasoning between ``<think>``
and ``</think>``, the answer between ``<answer>`` and ``</answer>``. Patterns of users run in RE2, whose time
is linear in the text, so that neither pattern nor completion can stall the service. The presets are string
code: RE2 has no lookahead to say "and no second tag", and a preset that forgets to say it is farmed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Literal

import re2
from pydantic import Field, model_validator

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.base import ItemReward, RewardParameters, Sample, Score
from verifier.schema import Verdict

Preset = Literal["think_answer", "think_answer_newlines", "think", "answer", "boxed", "code_fence"]

Tag = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")]

MAX_PATTERN_CHARACTERS = 10_000
_COMPILED_PATTERN_BYTES = 8 << 20


class FormatParameters(RewardParameters):
    """One of ``pattern``, ``preset`` and ``tags``."""

    type: Literal["format"]
    pattern: Annotated[str, Field(min_length=1, max_length=MAX_PATTERN_CHARACTERS)] | None = None
    """RE2 syntax; a dot matches newlines too."""
    mode: Literal["fullmatch", "search"] = "fullmatch"
    """Whether the pattern must cover the whole completion or only occur in it."""
    preset: Preset | None = None
    tags: Annotated[list[Tag], Field(min_length=1, max_length=16)] | None = None
    """A filled block of each, once, in this order, and nothing else: ``["think", "translate"]``."""

    @model_validator(mode="after")
    def _one_of_three(self) -> FormatParameters:
        if [self.pattern, self.preset, self.tags].count(None) != 2:
            raise ValueError("give one of 'pattern', 'preset' and 'tags'")
        if self.pattern is None and "mode" in self.model_fields_set:
            raise ValueError("'mode' belongs to 'pattern'")
        return self


class FormatReward(ItemReward[FormatParameters]):
    """1 when the completion has the form, else 0; ``detail.form`` names the preset or the mode."""

    type_name = "format"
    version = 1
    Parameters = FormatParameters

    def score(self, sample: Sample, parameters: FormatParameters) -> Score:
        """Judge the whole completion, the chat template's prefix included."""
        if parameters.preset is not None:
            holds, form = PRESETS[parameters.preset](sample.completion), str(parameters.preset)
        elif parameters.tags is not None:
            holds, form = _filled(_sections(sample.completion, tuple(parameters.tags))), "tags"
        else:
            assert parameters.pattern is not None
            pattern = compile_pattern(parameters.pattern)
            match = pattern.fullmatch if parameters.mode == "fullmatch" else pattern.search
            holds, form = match(sample.completion) is not None, parameters.mode
        return Score(1.0 if holds else 0.0, Verdict.SCORED, {"form": form, "holds": holds})


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Any:
    """A user's pattern, compiled within a memory bound.

    Raises:
        ItemInvalid: RE2 does not take it.
    """
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    options.max_mem = _COMPILED_PATTERN_BYTES
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise ItemInvalid(
            ErrorCode.UNUSABLE_PARAMETER,
            "'pattern' is not valid RE2 (no lookaround, no back-references; size is bounded)",
        ) from None


def _sections(text: str, tags: tuple[str, ...]) -> list[str] | None:
    """The insides of ``<tag>…</tag>`` blocks that, in order, make up the whole text.

    None unless each opening and each closing tag stands exactly once and only white space is between the
    blocks and around them.
    """
    insides: list[str] = []
    rest = text.strip()
    for tag in tags:
        opening, closing = f"<{tag}>", f"</{tag}>"
        if text.count(opening) != 1 or text.count(closing) != 1 or not rest.startswith(opening):
            return None
        inside, _, rest = rest[len(opening) :].partition(closing)
        insides.append(inside)
        rest = rest.lstrip()
    return None if rest else insides


def _filled(insides: list[str] | None) -> bool:
    return insides is not None and all(inside.strip() for inside in insides)


def _on_own_lines(text: str) -> bool:
    """Each tag on a line of its own, as Open-R1 asks for."""
    insides = _sections(text, ("think", "answer"))
    if insides is None or not _filled(insides):
        return False
    if not all(inside.startswith("\n") and inside.endswith("\n") for inside in insides):
        return False
    return "</think>\n<answer>" in text and text.startswith("<think>\n") and text.endswith("</answer>")


def _has_box(text: str) -> bool:
    """A ``\\boxed{…}`` that is closed and not empty."""
    start = text.rfind("\\boxed{")
    depth = 0
    for position in range(start + len("\\boxed"), len(text)) if start >= 0 else ():
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return bool(text[start + len("\\boxed{") : position].strip())
    return False


def _has_fence(text: str) -> bool:
    """A closed fenced code block that is not empty."""
    lines = [line.strip() for line in text.splitlines()]
    fences = [number for number, line in enumerate(lines) if line.startswith("```")]
    return any(
        lines[end] == "```" and any(lines[start + 1 : end])
        for start, end in zip(fences[::2], fences[1::2], strict=False)
    )


PRESETS: dict[str, Callable[[str], bool]] = {
    "think_answer": lambda text: _filled(_sections(text, ("think", "answer"))),
    "think_answer_newlines": _on_own_lines,
    "think": lambda text: text.count("<think>") == 1 == text.count("</think>") and _reasons_first(text),
    "answer": lambda text: text.count("<answer>") == 1 == text.count("</answer>") and _answers_last(text),
    "boxed": _has_box,
    "code_fence": _has_fence,
}


def _reasons_first(text: str) -> bool:
    """Starts with a filled think block, and something follows it."""
    opening, _, rest = text.strip().partition("<think>")
    inside, _, after = rest.partition("</think>")
    return not opening and bool(inside.strip()) and bool(after.strip())


def _answers_last(text: str) -> bool:
    """Ends with a filled answer block."""
    _, _, rest = text.strip().partition("<answer>")
    inside, _, after = rest.partition("</answer>")
    return bool(inside.strip()) and not after


assert set(PRESETS) == set(Preset.__args__)  # type: ignore[attr-defined]
