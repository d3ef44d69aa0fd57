"""Stage 1, ``extract``: where in a completion the final answer stands. Linear in the text, whatever it holds.

Only what follows the last ``</think>`` is looked at. All places of the chosen kind are reported, not only the
last, because a completion that names several answers is hedging: ``grade`` decides whether they are equal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MAX_TAIL_CHARACTERS = 200_000
"""An answer stands at the end: of longer texts only this much is read."""
MAX_LINE_CHARACTERS = 1_000
MAX_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class Extraction:
    """The final answers that a completion gives."""

    source: str
    """Which way found them: one of ``WAYS``."""
    candidates: tuple[str, ...]
    """Different texts, in the order of their last standing; never empty."""
    crowded: bool = False
    """There were more than ``MAX_CANDIDATES``."""


def extract(completion: str, modes: Sequence[str]) -> Extraction | None:
    """The answers that the first successful way of ``modes`` finds; None when none finds any."""
    text = _after_thinking(completion)
    for mode in modes:
        for way in AUTO if mode == "auto" else (mode,):
            found = [answer for answer in WAYS[way](text) if not is_placeholder(answer)]
            if found:
                return _extraction(way, found)
    return None


def _extraction(source: str, found: list[str]) -> Extraction:
    last_standing: dict[str, str] = {}
    for answer in found:
        key = "".join(answer.split())
        last_standing.pop(key, None)
        last_standing[key] = answer.strip()
    candidates = tuple(last_standing.values())
    return Extraction(source, candidates[-MAX_CANDIDATES:], crowded=len(candidates) > MAX_CANDIDATES)


def _after_thinking(completion: str) -> str:
    """What follows the reasoning; nothing when the reasoning never ends."""
    end = completion.rfind("</think>")
    if end >= 0:
        completion = completion[end + len("</think>") :]
    elif "<think>" in completion:
        return ""
    return completion[-MAX_TAIL_CHARACTERS:]


# Boxes

_BOX_TOKEN = re.compile(r"\\(?:boxed|fbox)\s{0,9}\{|\\boxed\s{1,9}(?P<bare>[^\s${}\\]+)|\\.|[{}]", re.DOTALL)
_JOINT = re.compile(
    r"(?:\s|\$|\\[()\[\],;]|[,;(、，]|\\quad|\\text\s*\{|\}|\*|\b(?:and|or|und|oder|et|ou|y|o)\b|和|或|与)+"
)


@dataclass(frozen=True, slots=True)
class _Box:
    start: int
    end: int
    content: str


def _boxes(text: str) -> list[_Box]:
    """Outermost closed boxes, by one pass over the braces from the first box on."""
    first = _first_box(text)
    if first < 0:
        return []
    found: list[_Box] = []
    open_braces: list[tuple[int, int] | None] = []
    for match in _BOX_TOKEN.finditer(text, first):
        token = match.group()
        if match["bare"]:
            found.append(_Box(match.start(), match.end(), match["bare"].rstrip(".,;")))
        elif token[0] == "\\" and token[-1] == "{" and len(token) > 2:
            open_braces.append((match.start(), match.end()))
        elif token == "{":
            open_braces.append(None)
        elif token == "}" and open_braces:
            opened = open_braces.pop()
            if opened is not None:
                while found and found[-1].start > opened[0]:
                    found.pop()
                found.append(_Box(opened[0], match.end(), text[opened[1] : match.start()]))
    return found


def _first_box(text: str) -> int:
    """Where the run of backslashes begins that the first box ends; -1 without a box."""
    starts = [start for name in ("\\boxed", "\\fbox") if (start := text.find(name)) >= 0]
    first = min(starts, default=-1)
    while first > 0 and text[first - 1] == "\\":
        first -= 1
    return first


def _boxed(text: str) -> list[str]:
    """The contents of all boxes; boxes joined by nothing but "and", "or" or a comma make one list."""
    answers: list[str] = []
    previous: _Box | None = None
    for box in _boxes(text):
        if is_placeholder(box.content):
            continue
        between = text[previous.end : box.start] if previous else ""
        if previous and len(between) < 40 and _JOINT.fullmatch(between):
            if box.content.strip() != previous.content.strip():
                answers[-1] += ", " + box.content
        else:
            answers.append(box.content)
        previous = box
    return answers


_PLACEHOLDER = re.compile(
    r"(?:\\phantom\s*\{[^{}]*\}|\\(?:l|c)?dots|\\square|\\Box|\\underline\s*\{[^{}]*\}|\\(?:text|mathrm)\s*\{"
    r"|\\[ ,;:!]|\\quad|\b(?:your|the|my|final|answer|here|insert|solution|result)\b"
    r"|[\s?_.…\[\]<>{}*$~]|\\\(|\\\))*",
    re.IGNORECASE,
)


def is_placeholder(answer: str) -> bool:
    """Nothing, or what stands for an answer that is to come: ``?``, ``…``, ``your answer``."""
    return len(answer) < 200 and _PLACEHOLDER.fullmatch(answer) is not None


# Tags, hashes, lines


def _answer_tag(text: str) -> list[str]:
    """The insides of ``<answer>`` tags; of one that holds a box or an announcement, what that says.

    The last may lack its closing tag, since engines cut the stop string off.
    """
    answers: list[str] = []
    for piece in text.split("<answer>")[1:]:
        inside = piece.partition("</answer>")[0]
        answers += _boxed(inside) or _answer_line(inside) or [inside]
    return answers


_HASH = re.compile(r"^[ \t]*####[ \t]+([^\n]{1,1000})$", re.MULTILINE)
_HASH_VALUE = re.compile(r"[-+−]?[\s$€£¥\\]*[\d.(\[{\\]")


def _hash(text: str) -> list[str]:
    """``#### x`` lines. Headings of that level are told apart by not looking like a value."""
    lines = [match.strip() for match in _HASH.findall(text)]
    return [line for line in lines if _HASH_VALUE.match(line)]


_ANNOUNCEMENT = re.compile(
    r"\b(?:(?:the|my|our)\s{1,9})?(?:final\s{1,9})?answer\s{0,9}(?:\*\*)?\s{0,9}(?::|：|is\s{0,9}:?|equals)(?:\*\*)?"
    r"|\*\*\s{0,9}final\s{1,9}answer\s{0,9}\*\*"
    r"|#\s{0,9}(?:\*\*)?(?:final\s{1,9})?answer(?:\*\*)?(?=\s{0,9}\n)"
    r"|(?:最终)?答案\s{0,9}(?:是|为|為|:|：)\s{0,9}[:：]?|答え\s{0,9}(?:は|:|：)|정답\s{0,9}(?:은|:)|답\s{0,9}:"
    r"|\bréponse(?:\s{1,9}finale)?\s{0,9}(?:est|:)\s{0,9}:?|\brespuesta(?:\s{1,9}final)?\s{0,9}(?:es|:)\s{0,9}:?"
    r"|\bresposta(?:\s{1,9}final)?\s{0,9}(?:é|:)\s{0,9}:?|\brisposta(?:\s{1,9}finale)?\s{0,9}(?:è|:)\s{0,9}:?"
    r"|\bantwort\s{0,9}(?:ist|lautet|:)\s{0,9}:?|\bответ\s{0,9}:",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"\.(?=\s|\*|$)|[。\n]|</|,?\s(?:which|because|since)\b")


def _answer_line(text: str) -> list[str]:
    """What follows "the answer is", "Answer:" and their like, up to the end of the sentence."""
    cues = list(_ANNOUNCEMENT.finditer(text))
    answers = []
    for number, cue in enumerate(cues):
        limit = cues[number + 1].start() if number + 1 < len(cues) else len(text)
        line = text[cue.end() : min(limit, cue.end() + MAX_LINE_CHARACTERS)].lstrip(" \t\r\n*:：")
        answers.append(_first_sentence(line))
    return [answer for answer in answers if answer]


def _first_sentence(line: str) -> str:
    end = _SENTENCE_END.search(line)
    if end is not None and line.startswith(("$$", "\\[")):
        end = re.compile(r"\$\$|\\\]").search(line, 2) or end
    return line[: end.start() if end else len(line)].strip(" \t*,;:")


_NUMBER = re.compile(
    r"(?<![\w.])[-−+]?[$€£]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?:\s*/\s*\d+)?(?:\s*\\?%)?"
)


def _last_number(text: str) -> list[str]:
    numbers = [match for match in _NUMBER.findall(text[-20_000:]) if any(map(str.isdigit, match))]
    return numbers[-1:]


def _whole(text: str) -> list[str]:
    return [text.strip()]


AUTO = ("answer_tag", "boxed", "hash", "answer_line")

WAYS: dict[str, Callable[[str], list[str]]] = {
    "answer_tag": _answer_tag,
    "boxed": _boxed,
    "hash": _hash,
    "answer_line": _answer_line,
    "last_number": _last_number,
    "whole": _whole,
}


def extract_reference(answer: str, mode: str) -> str:
    """The answer itself, of a reference that may be a whole solution; empty when there is none."""
    if mode == "whole":
        return answer.strip()
    ways = ("boxed", "hash") if mode == "auto" else (mode,)
    for way in ways:
        if found := WAYS[way](answer[-MAX_TAIL_CHARACTERS:]):
            return found[-1].strip()
    return answer.strip() if mode == "auto" else ""
