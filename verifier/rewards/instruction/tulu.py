"""The 25 functions of TÜLU 3 (allenai/open-instruct, ``if_functions.py``), by ``func_name``.

Semantics are those of the public functions, named by the instruction they check; only time is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from verifier.rewards.instruction.measures import count_between
from verifier.rewards.instruction.rule import Rule
from verifier.rewards.json_text import read_json
from verifier.rewards.languages import detect_language


def _within(count: int, wanted: int, quantifier: str, tolerance: int) -> bool:
    if quantifier == "at least":
        return count >= wanted
    if quantifier == "at most":
        return count <= wanted
    return abs(count - wanted) <= tolerance


def _tenth(wanted: int) -> int:
    """The tolerance of ``around``: a tenth, at least 1."""
    return max(round(wanted * 0.1), 1)


def _keywords(text: str, keyword_list: list[str]) -> bool:
    lowered = text.lower()
    return all(keyword.lower() in lowered for keyword in keyword_list)


def _keyword_frequency(text: str, word: str, N: int) -> bool:
    return re.findall(r"\w+", text.lower()).count(word.lower()) == N


def _forbidden_words(text: str, forbidden_words: list[str]) -> bool:
    lowered = text.lower()
    return not any(word.lower() in lowered for word in forbidden_words)


def _paragraph_count(text: str, N: int) -> bool:
    paragraphs = "\n".join(line.strip() for line in text.splitlines()).strip().split("* * *")
    return len(paragraphs) == N and all(paragraph.strip() for paragraph in paragraphs)


_SENTENCE_END = re.compile(r"[.?!]\s")
_ABBREVIATION = re.compile(r"(?:\w\.\w.|.?[A-Z][a-z]\.)", re.DOTALL)


def _sentences(text: str, N: int, quantifier: str) -> bool:
    ends = (match.start() + 1 for match in _SENTENCE_END.finditer(text))
    count = 1 + sum(_ABBREVIATION.fullmatch(text[max(0, end - 4) : end]) is None for end in ends)
    return _within(count, N, quantifier, 1)


def _paragraphs(text: str, N: int, first_word: str, i: int) -> bool:
    paragraphs = text.split("\n\n")
    return len(paragraphs) == N and 1 <= i <= N and paragraphs[i - 1].strip().startswith(first_word)


def _postscript(text: str, postscript_marker: str) -> bool:
    position = text.find(postscript_marker)
    return position >= 0 and len(text[position:].strip()) > len(postscript_marker)


def _sections(text: str, N: int, section_splitter: str) -> bool:
    sections = text.split(section_splitter)
    return len(sections) - (sections[0] == "") == N


def _two_responses(text: str) -> bool:
    parts = text.split("******")
    return len(parts) == 2 and parts[0].strip() != parts[1].strip()


def _capital_words(text: str, N: int, quantifier: str) -> bool:
    return _within(len(re.findall(r"\b[A-Z]+\b", text)), N, quantifier, _tenth(N))


RULES: Mapping[str, Rule] = {
    "verify_keywords": Rule(_keywords, {"keyword_list": "texts"}),
    "verify_keyword_frequency": Rule(_keyword_frequency, {"word": "text", "N": "number"}),
    "validate_forbidden_words": Rule(_forbidden_words, {"forbidden_words": "texts"}),
    "verify_letter_frequency": Rule(
        lambda text, letter, N: text.count(letter) == N, {"letter": "letter", "N": "number"}
    ),
    "validate_response_language": Rule(
        lambda text, language: detect_language(text) == language.split("-")[0].lower(), {"language": "text"}
    ),
    "verify_paragraph_count": Rule(_paragraph_count, {"N": "number"}),
    "validate_word_constraint": Rule(
        lambda text, N, quantifier: _within(len(text.split()), N, quantifier, _tenth(N)),
        {"N": "number", "quantifier": "quantifier"},
    ),
    "verify_sentence_constraint": Rule(_sentences, {"N": "number", "quantifier": "quantifier"}),
    "validate_paragraphs": Rule(_paragraphs, {"N": "number", "first_word": "text", "i": "number"}),
    "verify_postscript": Rule(_postscript, {"postscript_marker": "text"}),
    "validate_placeholders": Rule(lambda text, N: count_between(text, "[", "]") >= N, {"N": "number"}),
    "verify_bullet_points": Rule(
        lambda text, N: sum(line.lstrip().startswith(("*", "-")) for line in text.split("\n")) == N,
        {"N": "number"},
    ),
    "validate_title": Rule(lambda text: count_between(text, "<<", ">>") > 0),
    "validate_choice": Rule(
        lambda text, options: any(option in text for option in options), {"options": "texts"}
    ),
    "validate_highlighted_sections": Rule(
        lambda text, N: count_between(text, "*", "*") >= N, {"N": "number"}
    ),
    "validate_sections": Rule(_sections, {"N": "number", "section_splitter": "text"}),
    "validate_json_format": Rule(lambda text: read_json(text) is not None),
    "validate_repeat_prompt": Rule(
        lambda text, original_prompt: text.startswith(original_prompt), {"original_prompt": "text"}
    ),
    "validate_two_responses": Rule(_two_responses),
    "validate_uppercase": Rule(lambda text: text == text.upper()),
    "validate_lowercase": Rule(lambda text: text == text.lower()),
    "validate_frequency_capital_words": Rule(_capital_words, {"N": "number", "quantifier": "quantifier"}),
    "validate_end": Rule(lambda text, end_phrase: text.endswith(end_phrase), {"end_phrase": "text"}),
    "validate_quotation": Rule(lambda text: text.startswith('"') and text.endswith('"')),
    "validate_no_commas": Rule(lambda text: "," not in text),
}
