"""Where a short answer stands in a completion: shared by the rewards that compare short answers.

Every finder takes one pass over the text. All that a place holds is returned, not the last of it: several
different final answers are a hedge, and the reward that asked says so (``ambiguous``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

Extract = Literal["auto", "answer_tag", "boxed", "hash", "answer_line", "last_line", "whole"]

_ANSWER_LINE = re.compile(
    r"^[ \t>*_#-]{0,8}(?:the[ \t]+)?(?:final[ \t]+)?answer(?:[ \t]+is\b|[ \t]*[:=])[ \t:*_]*(\S[^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)


def after_reasoning(text: str) -> str:
    """What follows the last ``</think>``; the whole text where there is none."""
    return text.rpartition("</think>")[2]


def tagged(text: str, tag: str) -> list[str]:
    """The insides of all closed ``<tag>…</tag>`` blocks, stripped, in order."""
    opening, closing = f"<{tag}>", f"</{tag}>"
    found: list[str] = []
    position = text.find(opening)
    while position >= 0:
        start = position + len(opening)
        end = text.find(closing, start)
        if end < 0:
            break
        found.append(text[start:end].strip())
        position = text.find(opening, end + len(closing))
    return found


def boxed(text: str) -> list[str]:
    """The insides of all closed ``\\boxed{…}``, stripped, in order; braces may nest."""
    found: list[str] = []
    position = text.find("\\boxed{")
    while position >= 0:
        start = position + len("\\boxed{")
        end = _closing_brace(text, start)
        if end < 0:
            break
        found.append(text[start:end].strip())
        position = text.find("\\boxed{", end)
    return found


def _closing_brace(text: str, start: int) -> int:
    """The position of the brace that closes the one before ``start``; -1 where none does."""
    depth = 1
    for brace in re.compile(r"[{}]").finditer(text, start):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return brace.start()
    return -1


def hashed(text: str) -> list[str]:
    """What follows ``####`` on each line that starts with it (GSM8K's form)."""
    if "####" not in text:
        return []
    return [line[4:].strip() for line in map(str.strip, text.splitlines()) if line.startswith("####")]


def answer_lines(text: str) -> list[str]:
    """What follows ``Answer:``, ``The final answer is`` at the start of a line."""
    return [match.group(1).rstrip("*_ \t.") for match in _ANSWER_LINE.finditer(text)]


def last_line(text: str) -> list[str]:
    """The last line that is not blank."""
    return [text.rstrip().rpartition("\n")[2].strip()]


def _whole(text: str) -> list[str]:
    return [text.strip()]


_FINDERS: dict[Extract, Callable[[str], list[str]]] = {
    "answer_tag": lambda text: tagged(text, "answer"),
    "boxed": boxed,
    "hash": hashed,
    "answer_line": answer_lines,
    "last_line": last_line,
    "whole": _whole,
}
_MARKED: tuple[Extract, ...] = ("answer_tag", "boxed", "hash", "answer_line")


def find_answers(text: str, extract: Extract) -> list[str]:
    """All non-empty answers at the place ``extract`` names, after the reasoning.

    ``auto`` takes the first of answer tag, box, ``####`` and answer line that the text holds, else the whole.
    """
    final = after_reasoning(text)
    if extract != "auto":
        return [answer for answer in _FINDERS[extract](final) if answer]
    for place in _MARKED:
        found = [answer for answer in _FINDERS[place](final) if answer]
        if found:
            return found
    return [answer for answer in _whole(final) if answer]
