"""``math``: is the final answer equal to the reference? ``extract -> exact -> balls -> symbolic``."""

from verifier.rewards.math.reward import MathReward

__all__ = ["MathReward"]
