"""``sql``: does the query give what the right query gives? 1 or 0, run on sqlite in the sandbox.

``reference: {"setup": "CREATE TABLE …; INSERT …", "sql": "SELECT …"}``, or ``rows`` instead of ``sql``. Both
queries run on fresh in-memory databases, in jails of their own, and may only read. Two results are the same
when their rows are: in order where the right query ends in ORDER BY, else in any order, duplicates counted;
columns by position, whatever their names; numbers by value (1 is 1.0, floats to nine digits).
"""

from __future__ import annotations

from verifier.rewards.sql.length import SqlLengthReward
from verifier.rewards.sql.reward import SqlReward

__all__ = ["SqlLengthReward", "SqlReward"]
