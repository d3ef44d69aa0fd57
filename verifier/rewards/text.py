"""Forms of text that count as the same, for rewards that compare strings."""

from __future__ import annotations

import re
import string
from typing import Literal

Normalize = Literal["none", "text", "qa"]

_ARTICLES = frozenset({"a", "an", "the"})
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def qa_tokens(text: str) -> list[str]:
    """Lower-case words without ASCII punctuation and English articles (SQuAD's form, arXiv 1606.05250)."""
    return [word for word in text.lower().translate(_NO_PUNCTUATION).split() if word not in _ARTICLES]


def normalize(text: str, form: Normalize) -> str:
    """``none``: outer space aside; ``text``: case and runs of space aside; ``qa``: as ``qa_tokens``."""
    if form == "none":
        return text.strip()
    if form == "text":
        return " ".join(text.casefold().split())
    return " ".join(qa_tokens(text))


def holds_phrase(text: str, phrase: str) -> bool:
    """Whether the phrase stands in the text with no letter or digit directly before or after it."""
    if not phrase:
        return False
    before = r"(?<!\w)" if phrase[0].isalnum() else ""
    after = r"(?!\w)" if phrase[-1].isalnum() else ""
    return re.search(before + re.escape(phrase) + after, text) is not None
