"""The 25 instructions of IFEval (arXiv 2311.07911, table 1), by ``instruction_id``.

Semantics are those of the public checkers, but for two things: keywords are compared as text, not run as
patterns, and the language is told by another detector.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from verifier.rewards.instruction.measures import (
    count_between,
    count_bullets,
    count_capital_words,
    count_sentences,
    count_words,
)
from verifier.rewards.instruction.rule import Rule
from verifier.rewards.json_text import read_json, without_fence
from verifier.rewards.languages import detect_language


def _holds(count: int, wanted: int, relation: str) -> bool:
    return count < wanted if relation == "less than" else count >= wanted


def _keywords(text: str, keywords: list[str]) -> bool:
    lowered = text.lower()
    return all(keyword.lower() in lowered for keyword in keywords)


def _forbidden(text: str, forbidden_words: list[str]) -> bool:
    patterns = (rf"(?<!\w){re.escape(word)}(?!\w)" for word in forbidden_words)
    return not any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns)


def _paragraphs(text: str, num_paragraphs: int) -> bool:
    """Parted by ``***``; an empty one may only stand at the ends."""
    parts = text.split("***")
    inner = parts[1:-1]
    if not all(part.strip() for part in inner):
        return False
    return sum(bool(part.strip()) for part in parts) == num_paragraphs


def _nth_paragraph(text: str, num_paragraphs: int, nth_paragraph: int, first_word: str) -> bool:
    """Parted by empty lines; the n-th begins with the word, case and punctuation aside."""
    parts = text.split("\n\n")
    filled = sum(bool(part.strip()) for part in parts)
    if filled != num_paragraphs or not 1 <= nth_paragraph <= filled:
        return False
    words = parts[nth_paragraph - 1].split()
    if not words:
        return False
    return re.split(r"[.,?!'\"]", words[0].lstrip("'\""))[0].lower() == first_word.lower()


def _postscript(text: str, postscript_marker: str) -> bool:
    lowered = text.lower()
    if postscript_marker == "P.P.S":
        return re.search(r"p\.\s?p\.\s?s", lowered) is not None
    if postscript_marker == "P.S.":
        return re.search(r"p\.\s?s\.", lowered) is not None
    return postscript_marker.lower() in lowered


def _highlights(text: str, num_highlights: int) -> bool:
    single = re.findall(r"\*([^\n*]*)\*", text)
    double = re.findall(r"\*\*([^\n*]*)\*\*", text)
    return sum(bool(part.strip()) for part in single + double) >= num_highlights


def _sections(text: str, section_spliter: str, num_sections: int) -> bool:
    return len(re.findall(rf"{re.escape(section_spliter.strip())}\s?\d+", text)) >= num_sections


def _title(text: str) -> bool:
    """A line with something between ``<<`` and ``>>``."""
    return any(
        line.find("<<") >= 0 and line[line.find("<<") : line.rfind(">>") + 2].strip("<> \t")
        for line in text.split("\n")
    )


def _two_responses(text: str) -> bool:
    parts = text.split("******")
    if not all(part.strip() for part in parts[1:-1]):
        return False
    filled = [part.strip() for part in parts if part.strip()]
    return len(filled) == 2 and filled[0] != filled[1]


def _english(text: str) -> bool:
    return detect_language(text.lower()) in ("en", None)


def _letters(text: str, letter: str, let_frequency: int, let_relation: str) -> bool:
    return _holds(Counter(text.lower())[letter.lower()], let_frequency, let_relation)


def _quoted(text: str) -> bool:
    stripped = text.strip()
    return len(stripped) > 1 and stripped[0] == stripped[-1] == '"'


def _repeats(text: str, prompt_to_repeat: str) -> bool:
    return text.strip().lower().startswith(prompt_to_repeat.strip().lower())


CONSTRAINED_ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")

RULES: Mapping[str, Rule] = {
    "keywords:existence": Rule(_keywords, {"keywords": "texts"}),
    "keywords:frequency": Rule(
        lambda text, keyword, frequency, relation: _holds(
            text.lower().count(keyword.strip().lower()), frequency, relation
        ),
        {"keyword": "text", "frequency": "number", "relation": "relation"},
    ),
    "keywords:forbidden_words": Rule(_forbidden, {"forbidden_words": "texts"}),
    "keywords:letter_frequency": Rule(
        _letters, {"letter": "letter", "let_frequency": "number", "let_relation": "relation"}
    ),
    "language:response_language": Rule(
        lambda text, language: detect_language(text) in (language.split("-")[0].lower(), None),
        {"language": "text"},
    ),
    "length_constraints:number_sentences": Rule(
        lambda text, num_sentences, relation: _holds(count_sentences(text), num_sentences, relation),
        {"num_sentences": "number", "relation": "relation"},
    ),
    "length_constraints:number_paragraphs": Rule(_paragraphs, {"num_paragraphs": "number"}),
    "length_constraints:number_words": Rule(
        lambda text, num_words, relation: _holds(count_words(text), num_words, relation),
        {"num_words": "number", "relation": "relation"},
    ),
    "length_constraints:nth_paragraph_first_word": Rule(
        _nth_paragraph, {"num_paragraphs": "number", "nth_paragraph": "number", "first_word": "text"}
    ),
    "detectable_content:number_placeholders": Rule(
        lambda text, num_placeholders: count_between(text, "[", "]") >= num_placeholders,
        {"num_placeholders": "number"},
    ),
    "detectable_content:postscript": Rule(_postscript, {"postscript_marker": "text"}),
    "detectable_format:number_bullet_lists": Rule(
        lambda text, num_bullets: count_bullets(text) == num_bullets, {"num_bullets": "number"}
    ),
    "detectable_format:constrained_response": Rule(
        lambda text: any(answer in text for answer in CONSTRAINED_ANSWERS)
    ),
    "detectable_format:number_highlighted_sections": Rule(_highlights, {"num_highlights": "number"}),
    "detectable_format:multiple_sections": Rule(
        _sections, {"section_spliter": "text", "num_sections": "number"}
    ),
    "detectable_format:json_format": Rule(lambda text: read_json(without_fence(text)) is not None),
    "detectable_format:title": Rule(_title),
    "combination:two_responses": Rule(_two_responses),
    "combination:repeat_prompt": Rule(_repeats, {"prompt_to_repeat": "text"}),
    "startend:end_checker": Rule(
        lambda text, end_phrase: text.strip().strip('"').lower().endswith(end_phrase.strip().lower()),
        {"end_phrase": "text"},
    ),
    "startend:quotation": Rule(_quoted),
    "change_case:capital_word_frequency": Rule(
        lambda text, capital_frequency, capital_relation: _holds(
            count_capital_words(text), capital_frequency, capital_relation
        ),
        {"capital_frequency": "number", "capital_relation": "relation"},
    ),
    "change_case:english_capital": Rule(lambda text: text.isupper() and _english(text)),
    "change_case:english_lowercase": Rule(lambda text: text.islower() and _english(text)),
    "punctuation:no_comma": Rule(lambda text: "," not in text),
}
