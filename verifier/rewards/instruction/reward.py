"""The type ``instruction``: reads the label, checks each instruction, adds up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from verifier.errors import ErrorCode, ItemInvalid
from verifier.rewards.base import (
    ItemReward,
    ReferenceModel,
    RewardParameters,
    Sample,
    Score,
    read_reference,
)
from verifier.rewards.extraction import after_reasoning
from verifier.rewards.instruction import ifeval, tulu
from verifier.rewards.instruction.rule import Rule, read_arguments
from verifier.rewards.languages import load_model
from verifier.schema import Verdict

MAX_INSTRUCTIONS = 100
Check = tuple[str, Rule, dict[str, object]]


class InstructionLabel(ReferenceModel):
    """Either form of label."""

    func_name: str | None = None
    """TÜLU 3: one function; its arguments stand beside."""
    instruction_id_list: list[str] | None = None
    instruction_id: list[str] | None = None
    """The same, as TÜLU 3's newer form names it."""
    kwargs: list[dict[str, Any] | None] | None = None


class InstructionParameters(RewardParameters):
    """How several instructions add up."""

    type: Literal["instruction"]
    aggregate: Literal["fraction", "all"] = "fraction"
    """The share of instructions followed, or 1 when all are (IFEval's prompt-level accuracy)."""


class InstructionReward(ItemReward[InstructionParameters]):
    """The share of instructions that the text after the reasoning follows; ``detail`` names the broken."""

    type_name = "instruction"
    Parameters = InstructionParameters
    isolated = True

    def preload(self) -> None:
        """Read the detector's model: an instruction may ask for a language."""
        load_model()

    def score(self, sample: Sample, parameters: InstructionParameters) -> Score:
        """Check each instruction."""
        checks = _checks(sample)
        text = _response(sample.completion)
        if not text:
            return Score(0.0, Verdict.NO_ANSWER, {"followed": 0, "instructions": len(checks)})
        broken = [name for name, rule, arguments in checks if not rule.check(text, **arguments)]
        share = 1 - len(broken) / len(checks)
        if parameters.aggregate == "all":
            share = float(not broken)
        verdict = Verdict.CORRECT if not broken else Verdict.PARTIAL if share else Verdict.INCORRECT
        detail = {"followed": len(checks) - len(broken), "instructions": len(checks), "broken": broken}
        return Score(share, verdict, detail)


def _response(completion: str) -> str:
    """What is addressed to the reader: after the reasoning, without answer tags."""
    return after_reasoning(completion).replace("<answer>", "").replace("</answer>", "").strip()


def _checks(sample: Sample) -> list[Check]:
    """The instructions of the label.

    Raises:
        ItemInvalid: none, an unknown one, or arguments that do not fit.
    """
    label = read_reference(sample, InstructionLabel)
    if label.func_name is not None:
        assert sample.reference is not None
        rule = _rule(tulu.RULES, label.func_name, "reference.func_name")
        return [(label.func_name, rule, read_arguments(rule, sample.reference, "reference"))]
    names = label.instruction_id_list or label.instruction_id or []
    given = label.kwargs if label.kwargs is not None else [None] * len(names)
    if not names or len(given) != len(names) or len(names) > MAX_INSTRUCTIONS:
        raise _unusable(
            "reference: needs 'func_name', or as many 'instruction_id_list' as 'kwargs', 1 to 100"
        )
    checks: list[Check] = []
    for index, (name, arguments) in enumerate(zip(names, given, strict=True)):
        rule = _rule(ifeval.RULES, name, f"reference.instruction_id_list.{index}")
        checks.append((name, rule, read_arguments(rule, arguments or {}, f"reference.kwargs.{index}")))
    return checks


def _rule(rules: Mapping[str, Rule], name: str, path: str) -> Rule:
    rule = rules.get(name)
    if rule is None:
        raise _unusable(f"{path}: no instruction of this name")
    return rule


def _unusable(message: str) -> ItemInvalid:
    return ItemInvalid(ErrorCode.UNUSABLE_REFERENCE, message)
