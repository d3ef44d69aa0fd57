"""Which program a completion holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.rewards.code.extract import last_fence


@pytest.mark.parametrize(
    ("completion", "program"),
    [
        ("```python\nprint(1)\n```", "print(1)\n"),
        ("```py\na\n```", "a\n"),
        ("```\nprint(1)\n```", "print(1)\n"),
        ("```python\nfirst\n```\ntext\n```python\nsecond\n```", "second\n"),
        ("```python\nprogram\n```\nIt prints:\n```\n42\n```", "program\n"),
        ("```python\nprogram\n```\n```bash\npython x.py\n```", "program\n"),
        ("<think>```python\ndraft\n```</think>\n```python\nfinal\n```", "final\n"),
        ("````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''\n"),
        ("1. So:\n   ```python\n   x = 1\n   ```", "x = 1\n"),
        ("  ```python\n  if x:\n      y\n z\n  ```", "if x:\n    y\nz\n"),
        ("```Python\nx\n```", "x\n"),
    ],
)
def test_the_last_closed_block_of_the_language_is_the_program(completion: str, program: str) -> None:
    assert last_fence(completion, "python") == program


@pytest.mark.parametrize(
    "completion",
    ["print(1)", "```python\nprint(1)", "```bash\nls\n```", "<think>```python\ndraft\n```</think>done", ""],
)
def test_without_a_closed_block_there_is_no_program(completion: str) -> None:
    assert last_fence(completion, "python") is None


@given(st.text(alphabet="`~ab \n", max_size=200))
def test_any_text_is_taken(text: str) -> None:
    program = last_fence(text, "python")
    assert program is None or all(line in text for line in program.splitlines())


@given(st.text(alphabet=st.characters(exclude_characters="`", exclude_categories=["C", "Z"]), max_size=80))
def test_a_fenced_program_is_found_as_it_was_written(program: str) -> None:
    assert last_fence(f"Here:\n```python\n{program}\n```\nDone.", "python") == f"{program}\n"
