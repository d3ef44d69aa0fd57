"""``code``: does the program in the completion pass the tests? Judged in the sandbox, outside the jail."""

from verifier.rewards.code.reward import CodeReward

__all__ = ["CodeReward"]
