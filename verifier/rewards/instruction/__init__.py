"""``instruction``: does the completion follow the instructions that can be checked? 0 to 1.

Two published label forms, 25 instructions each: TÜLU 3's functions (``{"func_name": …, arguments}``) and
IFEval's identifiers (``{"instruction_id_list": […], "kwargs": […]}``, arXiv 2311.07911).
"""

from __future__ import annotations

from verifier.rewards.instruction.reward import InstructionReward

__all__ = ["InstructionReward"]
