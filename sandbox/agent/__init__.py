"""What runs inside a jail, as its pid 1: standard library only, baked into the image.

Invariants:
- The agent reads headers, never programs, tests, inputs or outputs: a forked child inherits nothing of
  an earlier run.
- Whatever a child says is a claim. Only the tester, which no candidate can reach but through
  `remote`, and the agent itself are believed.
"""
