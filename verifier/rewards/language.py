"""``language``: is the text in the language asked for? The share of its words, 0 to 1.

DeepSeek-R1 (arXiv 2501.12948, §2.3.2) rewards the share of target-language words in the chain of thought,
to keep it from mixing languages; it does not say how a word's language is told. Here: a word belongs to a
script; of scripts that many languages share (Latin, Cyrillic, Arabic, Devanagari, Han) the words of one
sentence are told by the detector together, where there are enough of them, else they pass. Characters of Han
and kana count as words. Formulas (``$…$``) and code are left out.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from verifier.rewards.base import ItemReward, RewardParameters, Sample, Score
from verifier.rewards.extraction import tagged
from verifier.rewards.languages import LANGUAGES, detect_language, load_model
from verifier.schema import Verdict

MAX_CHARACTERS = 200_000
_ENOUGH_LETTERS = 24

_SCRIPTS = {
    "latin": r"A-Za-z\u00aa-\u024f\u1e00-\u1eff",
    "cyrillic": r"\u0400-\u052f",
    "greek": r"\u0370-\u03ff\u1f00-\u1fff",
    "hebrew": r"\u0590-\u05ff",
    "arabic": r"\u0600-\u06ff\u0750-\u077f",
    "devanagari": r"\u0900-\u097f",
    "bengali": r"\u0980-\u09ff",
    "gurmukhi": r"\u0a00-\u0a7f",
    "gujarati": r"\u0a80-\u0aff",
    "tamil": r"\u0b80-\u0bff",
    "telugu": r"\u0c00-\u0c7f",
    "kannada": r"\u0c80-\u0cff",
    "malayalam": r"\u0d00-\u0d7f",
    "thai": r"\u0e00-\u0e7f",
    "hangul": r"\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
}
_CHARACTER_SCRIPTS = {"kana": r"\u3040-\u30ff", "han": r"\u3400-\u4dbf\u4e00-\u9fff"}
"""Scripts that do not part words: each character counts."""
_WORDS = re.compile(
    "|".join(
        [f"(?P<{name}>[{letters}]+)" for name, letters in _SCRIPTS.items()]
        + [f"(?P<{name}>[{letters}])" for name, letters in _CHARACTER_SCRIPTS.items()]
    )
)
_OWN_SCRIPTS = {
    "ja": {"kana", "han"},
    "zh": {"han"},
    "ko": {"hangul"},
    "el": {"greek"},
    "he": {"hebrew"},
    "th": {"thai"},
    "bn": {"bengali"},
    "pa": {"gurmukhi"},
    "gu": {"gujarati"},
    "ta": {"tamil"},
    "te": {"telugu"},
    "kn": {"kannada"},
    "ml": {"malayalam"},
    **{language: {"cyrillic"} for language in ("ru", "uk", "bg", "sr")},
    **{language: {"arabic"} for language in ("ar", "fa", "ur")},
    **{language: {"devanagari"} for language in ("hi", "mr", "ne")},
}
_SHARED_SCRIPTS = {"latin", "cyrillic", "arabic", "devanagari", "han"}
_SENTENCE = re.compile(r"[.!?。！？\n]+")
_FORMULA = re.compile(r"\$\$[^$]*\$\$|\$[^$\n]*\$|```[^`]*```|`[^`\n]*`|\\[A-Za-z]+")


class LanguageParameters(RewardParameters):
    """Which language, of which part."""

    type: Literal["language"]
    language: Annotated[str, Field(min_length=2, max_length=3)]
    """ISO 639-1: ``en``, ``zh``."""
    part: Literal["reasoning", "all"] = "reasoning"
    """The think block, or the whole completion; the whole where there is no think block."""

    @field_validator("language")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in LANGUAGES:
            raise ValueError(f"must be one of: {' '.join(LANGUAGES)}")
        return value


class LanguageReward(ItemReward[LanguageParameters]):
    """The share of words in the language; 0 for a text without words."""

    type_name = "language"
    Parameters = LanguageParameters
    isolated = True

    def preload(self) -> None:
        """Read the detector's model."""
        load_model()

    def score(self, sample: Sample, parameters: LanguageParameters) -> Score:
        """Count the words, sentence by sentence."""
        thought = tagged(sample.completion, "think") if parameters.part == "reasoning" else []
        text = _FORMULA.sub(" ", (thought[0] if thought else sample.completion)[:MAX_CHARACTERS])
        right = total = 0
        for sentence in _SENTENCE.split(text):
            counted, of_language = _count(sentence, parameters.language)
            total += counted
            right += of_language
        share = right / total if total else 0.0
        return Score(share, Verdict.SCORED, {"words": total, "words_in_language": right})


def _count(sentence: str, language: str) -> tuple[int, int]:
    """The words of a sentence, and those of them in the language."""
    by_script: dict[str, list[str]] = {}
    for match in _WORDS.finditer(sentence):
        assert match.lastgroup is not None
        by_script.setdefault(match.lastgroup, []).append(match.group())
    own = _OWN_SCRIPTS.get(language, {"latin"})
    total = sum(len(words) for words in by_script.values())
    mine = {script: words for script, words in by_script.items() if script in own}
    if not mine:
        return total, 0
    counted = sum(len(words) for words in mine.values())
    return total, counted if _passes(mine, language) else 0


def _passes(words: dict[str, list[str]], language: str) -> bool:
    """Whether the detector lets words of the language's scripts pass as the language."""
    if not any(script in _SHARED_SCRIPTS for script in words):
        return True
    if language == "ja" and "kana" in words:
        return True
    text = " ".join(word for group in words.values() for word in group)
    if sum(map(str.isalpha, text)) < _ENOUGH_LETTERS:
        return True
    return detect_language(text.replace(" ", "") if "han" in words else text) == language
