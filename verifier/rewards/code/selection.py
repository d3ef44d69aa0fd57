"""Choosing which tests of a reference are run, where not all are."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sandbox.schema import CallCase, JudgeRequest, StdioCase


def longest_inputs(request: JudgeRequest, count: int) -> tuple[JudgeRequest, list[int]]:
    """The request with the ``count`` tests of the longest input, and where each stood; order is kept.

    The input is what a program reads, the arguments of a call as JSON, or an assertion's text. Of inputs as
    long as each other the earlier counts as longer.
    """
    field = "asserts" if request.tests.type == "assert" else "cases"
    cases: Sequence[StdioCase | CallCase | str] = getattr(request.tests, field)
    by_length = sorted(range(len(cases)), key=lambda position: -_input_length(cases[position]))
    kept = sorted(by_length[:count])
    tests = request.tests.model_copy(update={field: [cases[position] for position in kept]})
    return request.model_copy(update={"tests": tests}), kept


def _input_length(case: StdioCase | CallCase | str) -> int:
    if isinstance(case, StdioCase):
        return len(case.stdin)
    if isinstance(case, CallCase):
        return len(json.dumps([case.args, case.kwargs], ensure_ascii=False))
    return len(case)
