"""What a program uses up is judged, whatever way it uses it up."""

import pytest

from sandbox.client import UnusableTests
from tests.sandbox.conftest import Sandbox

SPIN = "while True: pass"
ORPHAN = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True: pass
    os._exit(0)
time.sleep(100)
"""
LITTLE = {"cpu_s": 1, "wall_s": 60}


def test_cpu_decides(sandbox: Sandbox) -> None:
    test = sandbox.stdio(SPIN, limits=LITTLE)
    assert (test.verdict, test.message) == ("timeout", "used more than 1 s of CPU")
    assert 900 < test.cpu_ms < 2500


@pytest.mark.parametrize(
    "program",
    [
        "import os\nfor _ in range(4): os.fork()\nwhile True: pass",
        "import os, time\nif os.fork() == 0:\n    while True: pass\ntime.sleep(100)",
        ORPHAN,
    ],
    ids=["spinners", "child", "orphan"],
)  # fmt: skip
def test_cpu_is_summed_over_every_process(sandbox: Sandbox, program: str) -> None:
    test = sandbox.stdio(program, limits={"cpu_s": 1, "wall_s": 60})
    assert (test.verdict, test.message) == ("timeout", "used more than 1 s of CPU")


def test_children_nobody_waits_for_are_counted(sandbox: Sandbox) -> None:
    program = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if os.fork() == 0:
        end = time.process_time() + 0.05
        while time.process_time() < end: pass
        os._exit(0)
    try: os.wait()
    except ChildProcessError: pass
"""
    counted = sandbox.ready().total_cpu
    test = sandbox.stdio(program, limits={"cpu_s": 1, "wall_s": 60 if counted else 5})
    assert test.verdict == "timeout"
    assert ("of CPU" in test.message) is counted


def test_sleeping_is_ended_by_the_wall(sandbox: Sandbox) -> None:
    test = sandbox.stdio("import time; time.sleep(100)", limits={"cpu_s": 1, "wall_s": 1})
    assert (test.verdict, test.message) == ("timeout", "was not done after 1 s, and did not wait for CPU")


def test_cpu_and_wall_hold_for_each_test_of_a_run(sandbox: Sandbox) -> None:
    code = (
        "def f(x):\n    n = 0\n    while x == 2: n += 1\n    for _ in range(10**6 * 8): n += 1\n    return x"
    )
    tests = {"type": "call", "function": "f", "cases": [{"args": [n], "expected": n} for n in range(4)]}
    result = sandbox.judge(code, tests, limits={"cpu_s": 2, "wall_s": 60})
    assert [test.verdict for test in result.tests] == ["correct", "correct", "timeout", "correct"]


def test_memory_is_capped_over_all_processes(sandbox: Sandbox) -> None:
    alone = "import time\nx = bytearray(200 << 20)\nx[::4096] = b'1' * 51200\ntime.sleep({sleep})\nprint(1)"
    together = "import os\nfor _ in range(2): os.fork()\n" + alone.format(sleep=20)
    limits = {"memory_mb": 300, "cpu_s": 20}
    assert sandbox.stdio(alone.format(sleep=0), stdout="1", limits=limits).verdict == "correct"
    capped = sandbox.ready().total_memory_cap
    limits |= {"wall_s": 60 if capped else 5}
    assert sandbox.stdio(together, limits=limits).verdict == ("memory_limit" if capped else "timeout")


@pytest.mark.parametrize(
    "allocate", ["x = bytearray(900 << 20)", "x = []\nwhile True: x.append(bytes(1 << 20))"]
)
def test_too_much_memory_is_a_memory_limit(sandbox: Sandbox, allocate: str) -> None:
    assert sandbox.stdio(allocate, limits={"memory_mb": 128}).verdict == "memory_limit"
    assert sandbox.is_honest()


def test_memory_caps_follow_the_request(sandbox: Sandbox) -> None:
    program = "x = bytearray(700 << 20)\nprint(len(x) >> 20)"
    assert sandbox.stdio(program, stdout="700", limits={"memory_mb": 512}).verdict == "memory_limit"
    assert sandbox.stdio(program, stdout="700", limits={"memory_mb": 1024}).verdict == "correct"
    assert sandbox.stdio(program, stdout="700", limits={"memory_mb": 512}).verdict == "memory_limit"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_flood_is_an_output_limit(sandbox: Sandbox, stream: str) -> None:
    program = f"import sys\nwhile True: sys.{stream}.write('x' * 65536)"
    assert sandbox.stdio(program, limits={"output_kb": 256}).verdict == "output_limit"


def test_output_up_to_the_limit_is_whole(sandbox: Sandbox) -> None:
    program = "print('x' * (256 * 1024), end='')"
    assert sandbox.stdio(program, stdout="x" * 256 * 1024, limits={"output_kb": 256}).verdict == "correct"


def test_processes_are_capped(sandbox: Sandbox) -> None:
    program = """
import os, time
n = 0
try:
    while n < 100:
        if os.fork() == 0: time.sleep(100)
        n += 1
except OSError: pass
print(n < 40)
"""
    assert sandbox.stdio(program, stdout="True", limits={"processes": 16}).verdict == "correct"


def test_limits_over_the_ceiling_are_refused(local_sandbox: Sandbox) -> None:
    with pytest.raises(UnusableTests, match=r"limits\.cpu_s is over"):
        local_sandbox.stdio("print(1)", limits={"cpu_s": 1000})
