"""Long-lived, killable worker processes for rewards that hostile text can stall.

    dispatch.Pool ──fork request──> zygote (everything imported, confined) ──fork──> worker
         └───────────────── chunks of tasks, replies as they come ──────────────────────┘

Workers are forked from a warm zygote, so that killing one costs milliseconds; the zygote starts with an
environment of its own, so that no secret of the service is in reach of a completion.
"""

from verifier.pool.dispatch import Judgement, Pool, PoolCounts, Task
from verifier.pool.process import PoolLimits

__all__ = ["Judgement", "Pool", "PoolCounts", "PoolLimits", "Task"]
