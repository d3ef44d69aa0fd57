"""Counting what instructions speak of. One pass each; no pattern that can backtrack."""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"\w+(?:[.-]\w+)*")
_STOP = re.compile(r"\.{2,}|[.!?]")
_TITLES = ("Mr", "St", "Mrs", "Ms", "Dr")
_LETTER = re.compile(r"[A-Za-z]")
_LETTER_AND_STOP = re.compile(r"[A-Za-z]\.(?!(?:com|net|org|io|gov|edu|me))")
_INITIAL = re.compile(r"(?:^|\s)[A-Za-z]$")
"""A letter by itself."""
_ABBREVIATION = re.compile(r"[A-Za-z]\.[A-Za-z]$|(?:^|\s)(?:Inc|Ltd|Jr|Sr|Co)$")
"""What a full stop after it may belong to: the last letter of an acronym, a firm's suffix."""
_WEBSITE = re.compile(r"(?:com|net|org|io|gov|edu|me)\b")
_STARTER = re.compile(
    r"\s(?:Mr|Mrs|Ms|Dr|Prof|Capt|Cpt|Lt|He|She|It|They|Their|Our|We|But|However|That|This|Wherever)\b"
)


def count_words(text: str) -> int:
    """Runs of letters, digits and underscores, as IFEval counts: ``don't`` is two."""
    return len(_WORD.findall(text))


def count_capital_words(text: str) -> int:
    """Tokens without a lower-case letter and with a capital one; an apostrophe parts tokens."""
    return sum(token.isupper() for token in _TOKEN.findall(text))


def count_between(text: str, opening: str, closing: str) -> int:
    """How often ``opening`` is followed by ``closing`` on one line, without overlap."""
    found = 0
    for line in text.split("\n"):
        start = line.find(opening)
        while start >= 0:
            end = line.find(closing, start + len(opening))
            if end < 0:
                break
            found += 1
            start = line.find(opening, end + len(closing))
    return found


def count_bullets(text: str) -> int:
    """Lines that begin with ``-``, or with ``*`` and no second one."""
    lines = [line.lstrip() for line in text.split("\n")]
    return sum(
        line.startswith("-") or (line.startswith("*") and line[1:2] not in ("", "*")) for line in lines
    )


def count_sentences(text: str) -> int:
    """Sentences as IFEval splits them: at ``.``, ``!`` and ``?``, but not in abbreviations, numbers, domains.

    A full stop ends none after a title (``Mr.``), between digits, before a domain (``.com``), after a single
    letter; nor after an acronym (``U.S.``) or a firm's suffix (``Inc.``) unless a usual first word follows.
    """
    text = text.replace("\n", " ")
    sentences, end = 0, 0
    for match in _STOP.finditer(text):
        if match.group() == "." and _inside_sentence(text, match.start()):
            continue
        sentences += 1
        end = match.end()
    return sentences + bool(text[end:].strip(" \"”'"))


def _inside_sentence(text: str, stop: int) -> bool:
    """Whether a full stop is part of a word or number."""
    before, after = text[max(0, stop - 8) : stop], text[stop + 1 : stop + 16]
    if _WEBSITE.match(after) or (before[-1:].isdigit() and after[:1].isdigit()):
        return True
    if (
        before.endswith(_TITLES)
        or before.endswith("Ph.D")
        or (before.endswith("Ph") and after.startswith("D."))
    ):
        return True
    if _INITIAL.search(before) or (_LETTER.match(before[-1:]) and _LETTER_AND_STOP.match(after)):
        return True
    ending = _ABBREVIATION.search(before)
    if ending is None:
        return False
    return ending.group().islower() or _STARTER.match(after) is None
