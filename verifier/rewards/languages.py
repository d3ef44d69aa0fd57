"""Which language a text is in, by py3langid (n-grams, 4 MB, linear time)."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

MAX_CHARACTERS = 100_000
LANGUAGES = (
    *("ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "gu", "he"),
    *("hi", "hr", "hu", "id", "it", "ja", "kn", "ko", "lt", "lv", "ml", "mr", "ms", "ne", "nl", "no"),
    *("pa", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "th", "tl", "tr"),
    *("uk", "ur", "vi", "zh"),
)
"""What is told apart: the languages of IFEval, and the larger ones of Europe and Asia."""
_LETTER = re.compile(r"[^\W\d_]")


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(list(LANGUAGES))
    return identifier


def load_model() -> None:
    """Read the detector's model: most of a second, and a temporary file."""
    _identifier()


def detect_language(text: str) -> str | None:
    """The ISO 639-1 code of the text's language; None where there are fewer than three letters to tell by."""
    text = text[:MAX_CHARACTERS]
    if sum(1 for _, _ in zip(_LETTER.finditer(text), range(3), strict=False)) < 3:
        return None
    return str(_identifier().classify(text)[0])
