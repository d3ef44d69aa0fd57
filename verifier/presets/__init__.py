"""Published reward systems, each one word in a request: ``{"rewards": {"preset": "logic_rl"}}``.

A preset is data, one TOML file: what the system rewards and its source, the parameters one may change, the
rewards it stands for, and golden cases with the published values. In ``rewards`` a string ``"$name"`` stands
for the parameter of that name; a parameter with ``choices`` puts in what its choice stands for.
"""

from __future__ import annotations

from verifier.presets.catalogue import catalogue, expand
from verifier.presets.model import GoldenCase, Parameter, Preset, load_presets

__all__ = ["GoldenCase", "Parameter", "Preset", "catalogue", "expand", "load_presets"]
