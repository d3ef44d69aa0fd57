"""The package is importable alone, and its page names what it reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from verifier.datasets import FORMATS

PAGE = Path(__file__).parents[3] / "docs" / "datasets.md"


def test_importing_it_brings_nothing_of_the_service() -> None:
    code = "import sys, verifier.datasets; print(*{name.partition('.')[0] for name in sys.modules})"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"fastapi", "redis", "rq", "sympy", "pyarrow", "torch", "httpx", "sandbox", "trainer_client"}
    assert not heavy & set(printed.stdout.split())


@pytest.mark.parametrize("name", [known.name for known in FORMATS])
def test_the_page_names_every_format(name: str) -> None:
    assert f"| `{name}` |" in PAGE.read_text()
