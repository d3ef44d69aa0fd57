"""Answers that are known by their look, before any parsing: choices, times, dates, based numerals, words."""

from __future__ import annotations

import re

from verifier.rewards.math.answers import Clock, Day, Numeral, Words

MAX_NUMERAL_DIGITS = 1_000

_TEXT_COMMAND = re.compile(
    r"\\(?:text[a-z]*|mbox|hbox|math(?:rm|bf|it|sf|tt|cal)|operatorname|emph|boxed|fbox|bf|rm)\b"
)
_MONTHS = ("january february march april may june july august september october november december").split()  # noqa: SIM905
_MONTH = "|".join(f"{month}|{month[:3]}\\.?" for month in _MONTHS) + r"|sept\.?"
_DATES = (
    re.compile(
        rf"(?P<month>{_MONTH})\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s*,?\s*(?P<year>\d{{4}}))?", re.I
    ),
    re.compile(
        rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<month>{_MONTH})(?:\s*,?\s*(?P<year>\d{{4}}))?",
        re.I,
    ),
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"),
)
_CLOCK = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)\s*(?P<half>[ap]\.?\s?m\b\.?)?", re.I)
_HOUR = re.compile(r"(?P<hour>\d{1,2})\s*(?P<half>[ap]\.?m\b\.?)", re.I)
_LETTER = re.compile(r"(?:(?:option|choice|answer)\s*:?\s*)?(?:\(([A-Ja-j])\)|([A-J])[.):]?)", re.I)
_LETTER_AND_CONTENT = re.compile(r"(?:\(([A-J])\)|([A-J])[.):](?=\s|\\))[\s:]*(?P<content>\S.*)", re.DOTALL)
_ANOTHER_CHOICE = re.compile(r"\b[A-J][.):](?=\s|$)|\bor\b|\bnot\b|\([A-J]\)|^[,/&]|^and\b")
_NUMERAL = re.compile(r"\(?(?P<digits>[0-9][0-9A-Za-z]*|[A-Z][0-9A-Z]*)\)?_(?P<base>\d{1,2}|[a-z]{3,7})")
_BASE_WORDS = re.compile(r"(?P<digits>[0-9A-Z]+)\s*\(?(?:in\s+)?base\s*-?\s*(?P<base>\d{1,2})\)?")
_PREFIXED = re.compile(r"0(?P<kind>[bxo])(?P<digits>[0-9A-Fa-f]+)")
_BASE_NAMES = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
               "ten": 10, "twelve": 12, "sixteen": 16, "hex": 16}  # fmt: skip

_ARTICLES = re.compile(r"\b(?:the|a|an)\b")
_NOT_TEXT = re.compile(r"[^\w\s.+*/=<>^'-]|(?<!\d)\.|\.(?!\d)|(?<=\s)-(?=\s)")
_NUMBER_WORDS = ("zero one two three four five six seven eight nine ten eleven twelve").split()  # noqa: SIM905
EMPTY = frozenset(
    [
        "no solution",
        "no solutions",
        "none",
        "no real solution",
        "no real solutions",
        "empty set",
        "null set",
        "there is no solution",
        "there are no solutions",
        "no such number",
        "no value",
        "no values",
        "no root",
        "no roots",
        "no real root",
        "no real roots",
    ]
)
_SAME = {"true": "yes", "false": "no", "does not exist": "dne", "doesnt exist": "dne", "undefined": "dne"}
_SAME |= {
    "not defined": "dne",
    "correct": "yes",
    "incorrect": "no",
    "diverge": "diverges",
    "divergent": "diverges",
}
_SAME |= {"converge": "converges", "convergent": "converges"}


def plain(latex: str) -> str:
    """Normalised text without text commands and braces."""
    bare = _TEXT_COMMAND.sub(" ", latex).replace("\\{", " ").replace("\\}", " ")
    return " ".join(bare.replace("{", "").replace("}", "").split())


def choice(text: str) -> str | None:
    """The letter, of an answer that is nothing else: ``B``, ``(b)``, ``Option B``."""
    match = _LETTER.fullmatch(text)
    if match is None or (match[2] and match[2].islower()):
        return None
    return (match[1] or match[2]).upper()


def choice_with_content(latex: str) -> tuple[str, str] | None:
    """The letter and the rest of ``(B) 12``; the rest is still to be read."""
    bare = re.sub(r"^(?:\s|\\text[a-z]*\s*\{|\\mathrm\s*\{|\{)+", "", latex)
    bare = re.sub(r"^(\([A-J]\)|[A-J][.):])\s*\}", r"\1 ", bare)
    match = _LETTER_AND_CONTENT.fullmatch(bare.strip())
    if match is None:
        return None
    content = match["content"].strip()
    if _ANOTHER_CHOICE.search(content):
        return None
    if content.count("}") > content.count("{"):
        content = content.rstrip().removesuffix("}")
    return match[1] or match[2], content


def moment(text: str) -> Clock | Day | None:
    """A time of day or a date."""
    for pattern in (_CLOCK, _HOUR):
        if match := pattern.fullmatch(text):
            hour = int(match["hour"])
            half = (match["half"] or "")[:1].lower()
            if hour > 23 or (half and not 1 <= hour <= 12):
                return None
            minute = int(match["minute"]) if pattern is _CLOCK else 0
            return Clock(hour, minute, f"{half}m" if half else None)
    for pattern in _DATES:
        if match := pattern.fullmatch(text):
            month = match["month"].lower()
            number = int(month) if month.isdigit() else _month(month)
            if not (1 <= number <= 12 and 1 <= int(match["day"]) <= 31):
                return None
            return Day(int(match["year"]) if match["year"] else None, number, int(match["day"]))
    return None


def _month(name: str) -> int:
    return next(number for number, month in enumerate(_MONTHS, 1) if month.startswith(name.rstrip(".")[:3]))


def numeral(text: str) -> Numeral | None:
    """``1011_2``, ``FF_16``, ``1011 (base 2)``, ``0xFF``."""
    if match := _PREFIXED.fullmatch(text):
        return _numeral(match["digits"], {"b": 2, "o": 8, "x": 16}[match["kind"]])
    match = _NUMERAL.fullmatch(text.replace(" ", "")) or _BASE_WORDS.fullmatch(text)
    if match is None:
        return None
    name = match["base"]
    base = int(name) if name.isdigit() else _BASE_NAMES.get(name, 0)
    digits = match["digits"]
    if digits[0].isalpha() and (base <= 10 or len(digits) == 1 != base // 16):
        return None
    return _numeral(digits, base)


def _numeral(digits: str, base: int) -> Numeral | None:
    digits = digits.upper().lstrip("0") or "0"
    if len(digits) > MAX_NUMERAL_DIGITS:
        return None
    if not 2 <= base <= 36 or any(int(digit, 36) >= base for digit in digits):
        return None
    return Numeral(digits, base)


def words(text: str) -> Words:
    """Text in one form."""
    bare = _NOT_TEXT.sub(" ", text.lower().replace("'", ""))
    bare = " ".join(_ARTICLES.sub(" ", bare).split()) or bare.strip()
    bare = _SAME.get(bare, bare)
    return Words(str(_NUMBER_WORDS.index(bare)) if bare in _NUMBER_WORDS else bare)
