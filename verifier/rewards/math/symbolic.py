"""Stage 4, ``symbolic``: math-verify, for what the stages before could not decide.

This is the only stage whose time has no bound of its own: it runs in worker processes that may be killed.
math-verify's timeouts are off, since they are signals that would break whoever else counts on them.
"""

from __future__ import annotations

import logging
import os

os.environ["SYMPY_GROUND_TYPES"] = "python"  # with gmpy2 a huge factorial cannot be interrupted

import math_verify

logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its timeouts are off


def equal(reference: str, answer: str) -> bool | None:
    """Whether two LaTeX texts say the same; None where one of them cannot be read."""
    gold, target = _parse(reference), _parse(answer)
    if not gold or not target:
        return None
    return bool(math_verify.verify(gold, target, timeout_seconds=None))


def _parse(latex: str) -> list[object]:
    return list(
        math_verify.parse(
            f"${latex}$",
            extraction_config=[math_verify.LatexExtractionConfig()],
            fallback_mode="no_fallback",
            parsing_timeout=None,
        )
    )
