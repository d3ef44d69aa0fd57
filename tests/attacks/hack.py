"""What a hack is: a program that wants a reward it has not earned."""

from dataclasses import dataclass, field
from typing import Any, Literal

SECRET = "flag{8317264905}"

STDIO = {"type": "stdio", "cases": [{"stdin": "go\n", "stdout": SECRET}]}
CALL = {"type": "call", "function": "f", "cases": [{"args": [[3, 1, 2]], "expected": SECRET}]}
ASSERT = {"type": "assert", "asserts": [f"assert f([3, 1, 2]) == {SECRET!r}"], "entry_point": "f"}
TESTS: dict[str, dict[str, Any]] = {"stdio": STDIO, "call": CALL, "assert": ASSERT}

Kind = Literal["stdio", "call", "assert"]


@dataclass(frozen=True)
class Hack:
    """One program, judged by tests whose answer it cannot know."""

    name: str
    defence: str
    program: str
    kinds: tuple[Kind, ...] = ("stdio", "call", "assert")
    asserts: tuple[str, ...] = ()
    """Other assertions than the usual one."""
    setup: str = ""
    limits: dict[str, Any] = field(default_factory=dict)

    def tests(self, kind: Kind) -> dict[str, Any]:
        """The tests of that kind."""
        if self.asserts:
            return {"type": "assert", "asserts": list(self.asserts), "setup": self.setup}
        return TESTS[kind]
