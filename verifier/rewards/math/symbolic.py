"""Stage 4, ``symbolic``: math-verify, for what the stages before could not read.

This is the only stage whose time has no bound of its own: it runs in worker processes that may be killed,
and only after guards on what is known to explode. math-verify's timeouts are off, since they are signals that
would break whoever else counts on them; its roundings are set so fine that they decide nothing.
"""

from __future__ import annotations

import logging
import os
import re

os.environ["SYMPY_GROUND_TYPES"] = "python"  # with gmpy2 a huge factorial cannot be interrupted

import math_verify

logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its timeouts are off

_MAX_CHARACTERS = 500
_DIGITS = 40
_EXPLOSIVE = re.compile(
    r"\^\s*\{?\s*-?\d{4,}"  # a large power
    r"|\^\s*\w\s*\^|\^\s*[({][^{}]*\^"  # a power of a power
    r"|\d{4,}\s*!|!\s*\)?\s*!|\)\s*!|\}\s*!"  # a large factorial, or one of what is not plain to see
    r"|\\[dt]?binom|\\choose|\\Gamma|\\zeta"
    r"|\d[eE]\d{3,}"
)
_FOREIGN = re.compile(
    r"\\(?:approx|sim|simeq|equiv|cong|mid|l?dots|pm)(?![a-z])|≈|≡|\.\.\."  # says no one thing
    r"|__|[\"'`@#;]|\\(?:input|include|write|def|let|catcode|csname|read|open)"
)
_FINE = {"float_rounding": 30, "numeric_precision": 40}


def equal(reference: str, answer: str) -> bool | None:
    """Whether two LaTeX texts say the same; None where one of them is not read, or not let in."""
    if not (_is_harmless(reference) and _is_harmless(answer)) or ("=" in reference) != ("=" in answer):
        return None  # of an equation it would take the last side, whatever the others say
    try:
        gold, target = _parse(reference), _parse(answer)
        if not gold or not target:
            return None
        return bool(math_verify.verify(gold, target, timeout_seconds=None, **_FINE))
    except Exception:  # noqa: BLE001 - whatever these libraries raise, the text brought about: it is not read
        return None


def _is_harmless(latex: str) -> bool:
    return (
        len(latex) <= _MAX_CHARACTERS
        and not _EXPLOSIVE.search(latex)
        and not _FOREIGN.search(latex)
        and not re.search(rf"\d{{{_DIGITS},}}", latex)
    )


def _parse(latex: str) -> list[object]:
    return list(
        math_verify.parse(
            f"${latex.strip().strip('$')}$",
            extraction_config=[math_verify.LatexExtractionConfig()],
            fallback_mode="no_fallback",
            parsing_timeout=None,
        )
    )
