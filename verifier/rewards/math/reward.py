"""The reward type: reference and completion in, verdict out. The work is in the stages beside this file."""

from __future__ import annotations

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.base import ItemReward, Sample, Score, read_reference
from verifier.rewards.math.parameters import MathParameters, MathReference
from verifier.schema import Verdict


class MathReward(ItemReward[MathParameters]):
    """1 when the final answer equals the reference, else 0; ``detail`` says how that was decided."""

    type_name = "math"
    version = 1
    isolated = True
    Parameters = MathParameters

    @classmethod
    def preload(cls) -> None:
        """Import every stage and warm its caches: called once, where workers are forked from."""
        from verifier.rewards.math.grade import warm

        warm()

    def score(self, sample: Sample, parameters: MathParameters) -> Score:
        """Judge the final answer of the completion.

        Raises:
            ItemInvalid: the reference is missing or cannot be read.
        """
        # Heavy imports: not for a process that only parses requests.
        from verifier.rewards.math.grade import Unreadable, grade, prepare_references

        answers = read_reference(sample, MathReference).answer
        try:
            references = prepare_references(
                (answers,) if isinstance(answers, str) else tuple(answers), parameters.extract_reference
            )
        except Unreadable as error:
            raise ItemInvalid(ErrorCode.UNUSABLE_REFERENCE, f"reference.answer: {error.message}") from None
        judgement = grade(sample.completion, references, parameters)
        value = 1.0 if judgement.verdict is Verdict.CORRECT else 0.0
        return Score(value, judgement.verdict, judgement.detail)
