"""``knights_knaves``: is everyone's role named, and rightly? 1 or 0.

The puzzles of Logic-RL (arXiv 2502.14768), whose ``reference.solution_text_format`` lists the roles, one
person a line: ``(1) Zoey is a knight``. The answer must say of each, exactly once, ``NAME is a knight``
or ``NAME is a knave``, and name no further role; anything else is ``no_answer``, as with Logic-RL, and two
different answers are ``ambiguous``.
"""

from __future__ import annotations

import re
from typing import Literal

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.answers import shown, single_answer
from verifier.rewards.base import ItemReward, ReferenceModel, RewardParameters, Sample, Score, read_reference
from verifier.rewards.extraction import Extract
from verifier.schema import Verdict

_ROLE = re.compile(r"\b(knight|knave)s?\b", re.IGNORECASE)
_CLAIM = re.compile(r"\b([^\W\d_][\w'-]{0,60})\s{1,20}is\s{1,20}a\s{1,20}(knight|knave)\b", re.IGNORECASE)
MAX_CHARACTERS = 20_000


class KnightsKnavesReference(ReferenceModel):
    """The roles as a numbered list, one person a line."""

    solution_text_format: str


class KnightsKnavesParameters(RewardParameters):
    """Where the answer stands."""

    type: Literal["knights_knaves"]
    extract: Extract = "auto"


class KnightsKnavesReward(ItemReward[KnightsKnavesParameters]):
    """1 when every role is named and right, else 0; ``detail.wrong`` names who is not."""

    type_name = "knights_knaves"
    Parameters = KnightsKnavesParameters

    def score(self, sample: Sample, parameters: KnightsKnavesParameters) -> Score:
        """Read everyone's role and compare."""
        solution = read_roles(read_reference(sample, KnightsKnavesReference).solution_text_format)
        if not solution:
            raise ItemInvalid(
                ErrorCode.UNUSABLE_REFERENCE,
                "reference.solution_text_format: must say of each person once 'NAME is a knight' or 'knave'",
            )
        answer, without = single_answer(sample, parameters.extract, lambda text: str(read_roles(text)))
        if answer is None:
            return without
        roles = read_roles(answer)
        if roles is None or set(roles) != set(solution):
            return Score(0.0, Verdict.NO_ANSWER, {"extracted": shown(answer), "reason": "roles_not_read"})
        wrong = sorted(name for name, role in roles.items() if role != solution[name])
        detail = {"extracted": shown(answer), "wrong": wrong}
        return Score(0.0 if wrong else 1.0, Verdict.INCORRECT if wrong else Verdict.CORRECT, detail)


def read_roles(text: str) -> dict[str, str] | None:
    """Everyone's role, names in lower case; None unless each is named once and no further role is there."""
    if len(text) > MAX_CHARACTERS:
        return None
    claims = _CLAIM.findall(text)
    roles = {name.casefold(): role.lower() for name, role in claims}
    if not roles or len(roles) != len(claims) or len(claims) != len(_ROLE.findall(text)):
        return None
    return roles
