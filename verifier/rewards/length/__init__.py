"""``length``: rewards that shape how long completions are, in the published forms.

L is the length in tokens (``completion_tokens``), words or characters. Four forms judge a completion alone:

- ``cosine`` (arXiv 2502.03373, §4.2): lo + ½(hi − lo)(1 + cos(π·L/Lmax)), from ``max_correct`` down to
  ``min_correct`` where right, from ``min_wrong`` up to ``max_wrong`` where wrong; ``exceed`` from Lmax −
  ``margin`` on. Past Lmax it stays at its end.
- ``overlong`` (DAPO, arXiv 2503.14476, eq. 13): 0 up to Lmax − C, (Lmax − C − L)/C up to Lmax, −1 beyond.
- ``l1_exact`` (arXiv 2503.04697, eq. 1): −α·|n* − L|, n* being ``reference.target_length``.
- ``l1_max`` (same, eq. 2): clip(α(n* − L) + δ, 0, 1) where right, 0 where wrong.

Two compare the completions of one ``group``:

- ``kimi`` (k1.5, arXiv 2501.12599): λ = ½ − (L − min)/(max − min) where right, min(0, λ) where wrong. 0 for
  all where all are of one length, so for a group of one.
- ``efficient`` (arXiv 2502.04463): 1 − α·σ((L − mean)/std) where right, mean and std over the right ones; 0
  where wrong. 1 − α/2 for the only right one, so for a group of one.
"""

from __future__ import annotations

from verifier.rewards.length.reward import LengthReward

__all__ = ["LengthReward"]
