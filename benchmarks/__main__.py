"""Run every benchmark, or those whose names are given, one after the other in processes of their own.

python -m benchmarks [NAME…]
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SHARED = {"__init__", "__main__", "noop_reward"}
"""Not benchmarks themselves."""
ON_DEMAND = {"queue_chaos"}
"""Too long to be run unless named."""


def main() -> int:
    """1 where a benchmark fails."""
    every = sorted(file.stem for file in HERE.glob("*.py") if file.stem not in SHARED)
    names = sys.argv[1:] or [name for name in every if name not in ON_DEMAND]
    failed = False
    for name in names:
        sys.stdout.write(f"\n== {name}\n")
        sys.stdout.flush()
        failed |= subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
