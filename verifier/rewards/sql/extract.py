"""The query in a completion."""

from __future__ import annotations

import re

from verifier.rewards.extraction import after_reasoning, tagged

_FENCE = re.compile(r"```[ \t]*sql\b(.*?)```", re.DOTALL | re.IGNORECASE)


def find_query(completion: str) -> str | None:
    """The last fenced SQL of the answer tag, or of what follows the reasoning; else the whole tag."""
    text = after_reasoning(completion)
    answers = tagged(text, "answer")
    found = _FENCE.findall(answers[-1] if answers else text)
    query = found[-1] if found else answers[-1] if answers else ""
    return query.strip().rstrip(";").strip() or None
