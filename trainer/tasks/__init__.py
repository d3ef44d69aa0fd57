"""What there is to learn: problems with references, and traces for a cold start."""

from trainer.tasks.addition import Addition
from trainer.tasks.base import Problem, Task, Trace

__all__ = ["Addition", "Problem", "Task", "Trace"]
