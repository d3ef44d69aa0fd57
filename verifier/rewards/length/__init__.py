"""``length``: rewards that shape how long completions are, in the published forms.

``cosine``, ``overlong``, ``l1_exact`` and ``l1_max`` judge each completion by itself, ``kimi`` and
``efficient`` by the lengths of its whole group.
"""

from __future__ import annotations

from verifier.rewards.length.reward import LengthReward

__all__ = ["LengthReward"]
