"""No hack is rewarded or excused, and the next honest run is judged rightly."""

import pytest

from tests.attacks import inside, outside
from tests.attacks.hack import Hack, Kind
from tests.sandbox.conftest import Sandbox

LIMITS = {"cpu_s": 3, "wall_s": 60}
CASES = [
    pytest.param(hack, kind, id=f"{hack.name}-{kind}")
    for hack in inside.HACKS + outside.HACKS
    for kind in hack.kinds
]


@pytest.mark.parametrize(("hack", "kind"), CASES)
def test_a_hack_is_judged_and_harms_nobody(sandbox: Sandbox, hack: Hack, kind: Kind) -> None:
    result = sandbox.judge(hack.program, hack.tests(kind), limits=LIMITS | hack.limits)
    assert result.verdict != "correct", hack.defence
    assert result.passed == 0, hack.defence
    assert sandbox.is_honest(), hack.defence
