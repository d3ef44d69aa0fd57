"""``sql_length``: SQL-R1's bonus for showing the work (arXiv 2504.08600, §3.3; ``synsql.py``).

½·min(1, (|reasoning| + |answer|)/2048) + |query|/|answer|, lengths in characters. SQL-R1 gives it for right
queries only: put it behind a ``gate`` on ``sql``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from verifier.rewards.base import ItemReward, RewardParameters, Sample, Score
from verifier.rewards.extraction import tagged
from verifier.rewards.sql.extract import find_query
from verifier.schema import Verdict


class SqlLengthParameters(RewardParameters):
    """Where the first term stops growing."""

    type: Literal["sql_length"]
    max_length: Annotated[int, Field(ge=1)] = 2048


class SqlLengthReward(ItemReward[SqlLengthParameters]):
    """Up to ½ for the length of reasoning and answer, up to 1 for the share of the answer that is query."""

    type_name = "sql_length"
    Parameters = SqlLengthParameters

    def score(self, sample: Sample, parameters: SqlLengthParameters) -> Score:
        """Measure the parts."""
        thoughts, answers = tagged(sample.completion, "think"), tagged(sample.completion, "answer")
        query = find_query(sample.completion)
        if not thoughts or not answers or not answers[-1] or query is None:
            return Score(0.0, Verdict.SCORED, {"reason": "no_think_or_answer"})
        length = len(thoughts[-1]) + len(answers[-1])
        value = 0.5 * min(1.0, length / parameters.max_length) + len(query) / len(answers[-1])
        return Score(value, Verdict.SCORED, {"length": length, "query_length": len(query)})
