"""Hacks of a test's own process: exits, equality, shadowing, and forged results."""

from tests.attacks.hack import SECRET, Hack

EXITS = [
    Hack("sys_exit", "exit code 0 is never a pass", "import sys\ndef f(x): sys.exit(0)\nsys.exit(0)"),
    Hack(
        "os_exit",
        "exit code 0 is never a pass",
        "import os\ndef f(x): os._exit(0)\nif __name__ == '__main__': f(1)",
    ),
    Hack(
        "os_exit_when_loaded",
        "a test that was not recorded has failed",
        "import os\nos._exit(0)",
    ),
    Hack(
        "atexit",
        "the tester is another process",
        "import atexit, os, sys\natexit.register(os._exit, 0)\nsys.exit(0)",
    ),
    Hack(
        "excepthook",
        "the tester is another process",
        "import sys, os\nsys.excepthook = lambda *a: os._exit(0)\ndef f(x): raise ValueError\nf(1)",
    ),
    Hack(
        "threading_shutdown",
        "exit code 0 is never a pass",
        "import threading, os\nthreading._shutdown = lambda: os._exit(0)\ndef f(x): return None",
    ),
    Hack(
        "exec_true",
        "another program's exit code 0 is none either",
        "import os\nos.execv('/bin/true', ['true'])",
    ),
    Hack(
        "fork_and_leave_the_child",
        "the run is the process that was started, not its children",
        "import os\nif os.fork(): os._exit(0)\ndef f(x): return None",
    ),
]

RAISES = [
    Hack(
        f"raise_{name}",
        "whatever leaves a test is a failure",
        f"def f(x): raise {name}\nif __name__ == '__main__': f(1)",
        ("call", "assert"),
    )
    for name in ("SystemExit", "KeyboardInterrupt", "StopIteration", "GeneratorExit", "AssertionError")
]

ANYTHING = """
class Anything({base}):
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __contains__ = lambda self, *other: True
    __ne__ = lambda self, other: False
    __sub__ = __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = lambda self, other: self
    __abs__ = __round__ = __neg__ = lambda self, *digits: {zero}
    __float__ = lambda self: 0.0
    __int__ = __index__ = lambda self: 0
    __hash__ = lambda self: 0
    __instancecheck__ = lambda self, other: True
    __class__ = property(lambda self: str)
def f(x): return Anything()
"""
BASES = {"object": "self", "int": "0", "float": "0.0", "str": "0", "list": "0", "dict": "0"}

EQUALITY = [
    Hack(
        f"always_equal_{base}",
        "values cross as builtins; a remote object never equals a plain value by its own word",
        ANYTHING.format(base=base, zero=zero),
        ("call", "assert"),
    )
    for base, zero in BASES.items()
] + [
    Hack(
        f"always_equal_{name}",
        "a remote object is not asked about a plain value",
        ANYTHING.format(base="object", zero="0"),
        ("assert",),
        (assertion,),
        setup,
    )
    for name, assertion, setup in (
        ("closeness", "assert abs(f(1) - 8317264905) < 1e-6", ""),
        ("closeness_reversed", "assert abs(8317264905 - f(1)) <= 1e-6", ""),
        ("rounding", "assert round(f(1) - 8317264905, 3) == 0", ""),
        ("isclose", "assert math.isclose(f(1) + 1, 8317264905)", "import math"),
        ("greater", "assert f(1) > 8317264904", ""),
        ("not_unequal", "assert not f(1) != 8317264905", ""),
        ("contains", f"assert {SECRET!r} in f(1)", ""),
        ("in_list", f"assert f(1) in [{SECRET!r}]", ""),
        ("as_key", f"assert {{f(1): 1}}[{SECRET!r}] == 1", ""),
        ("isinstance", "assert isinstance(f(1), str)", ""),
        ("nested", f"assert [f(1), 2] == [{SECRET!r}, 2]", ""),
        ("assert_equal", f"unittest.TestCase().assertEqual(f(1), {SECRET!r})", "import unittest"),
        ("truth_of_difference", "assert not (f(1) - 8317264905) or False", ""),
    )
]

PLANT = """
import os
EVIL = '''
import os
for fd in range(16):
    try: os.write(fd, b'{"index": 0, "passed": true}\\\\n')
    except OSError: pass
os._exit(0)
'''
for name in ("unittest", "xml", "pdb", "colorsys", "sitecustomize", "encodings", "codecs"):
    open(f"/box/{name}.py", "w").write(EVIL)
    os.chmod(f"/box/{name}.py", 0o666)
def f(x): return 1
"""

SHADOWING = [
    Hack(
        "shadow_abs",
        "the tests' builtins come before the candidate's names",
        "def abs(x): return 0\ndef f(x): return 1.0",
        ("assert",),
        ("assert abs(f(1) - 5) < 1e-6",),
    ),
    Hack(
        "shadow_math",
        "standard modules that tests use are the tester's own",
        "class math: isclose = lambda *a, **k: True\ndef f(x): return 1.0",
        ("assert",),
        ("assert math.isclose(f(1), 5.0)",),
    ),
    Hack(
        "shadow_helper",
        "names that the set-up defines are the tests'",
        "def check(a, b): return True\ndef f(x): return 1",
        ("assert",),
        ("assert check(f(1), 5)",),
        "def check(a, b): return a == b",
    ),
    Hack(
        "patch_everything",
        "the judge and the tester are other processes",
        "import builtins, json, sys, unittest, operator\n"
        "for m in list(sys.modules.values()):\n"
        "    for n in ('encode', 'same_value', 'eq', 'isclose'):\n"
        "        if hasattr(m, n):\n"
        "            try: setattr(m, n, lambda *a, **k: True)\n"
        "            except Exception: pass\n"
        "builtins.isinstance = lambda *a: True\nbuiltins.AssertionError = ValueError\n"
        "unittest.TestCase.assertEqual = lambda *a: None\nsys.modules['pytest'] = sys\n"
        "def f(x): return 1\nprint(1)",
    ),
    Hack(
        "plant_modules",
        "only the candidate's own process imports from the box",
        PLANT,
        ("assert",),
        ("import colorsys, unittest, xml, pdb\nassert f(1) == 2",),
    ),
    Hack(
        "library_protocols",
        "a remote object has no special attributes but a few harmless ones",
        "class Sly:\n    def __getattr__(self, name): return lambda *a: True\ndef f(x): return Sly()",
        ("assert",),
        (
            "assert hasattr(f(1), '__array_interface__')",
            "assert f(1).__array__()",
            "assert f(1).__eq_override__(1)",
        ),
    ),
    Hack(
        "settrace",
        "tracing sees the candidate's frames only",
        "import sys\ndef trace(frame, event, arg):\n"
        "    frame.f_locals.update(expected=1, value=1)\n    return trace\n"
        "sys.settrace(trace); sys.setprofile(trace)\ndef f(x): return 1",
    ),
    Hack(
        "clear_the_argument",
        "arguments change for the tests only where a function returns None",
        "def f(x):\n    x.clear()\n    return []",
        ("assert",),
        ("x = [3, 1, 2]\nassert f(x) == sorted(x)",),
    ),
    Hack("nan", "NaN equals nothing", "def f(x): return float('nan')\nprint(float('nan'))"),
    Hack(
        "guess_everything",
        "every token of the whole output counts",
        "for i in range(10000): print('flag{%d}' % i)",
        ("stdio",),
    ),
]

FORGING = [
    Hack(
        "write_records",
        "a candidate has no descriptor of an assert's results; in a call it can only claim values",
        "import os\n"
        'lines = b\'loaded\\n\' + b\'{"index": 0, "passed": true, "verdict": "correct", "value": null}\\n\'\n'
        "for fd in range(256):\n    try: os.write(fd, lines)\n    except OSError: pass\n"
        "def f(x): return 1",
    ),
    Hack(
        "claim_the_tests_are_unusable",
        "only a tester's word makes tests unusable",
        "import os\n"
        'lines = b\'loaded\\n{"index": 0, "unusable": "x", "fault": "x"}\\n\'\n'
        "for fd in range(256):\n    try: os.write(fd, lines)\n    except OSError: pass\n"
        "os._exit(0)",
    ),
    Hack(
        "write_an_exceptions_text",
        "the text of an exception that holds the candidate's objects is asked for with care",
        "import os, struct, json\n"
        "def say(m):\n    b = json.dumps(m).encode(); os.write(3, struct.pack('!I', len(b)) + b)\n"
        "say({'ready': True})\n"
        "kind = {'number': 1, 'kind': 'exception', 'name': 'E', 'bases': ['Exception'], 'own': True}\n"
        "argument = {'$ref': {'number': 2, 'kind': 'object', 'name': 'o'}}\n"
        "say({'error': {'class': kind, 'arguments': [argument], 'message': ''}})\n"
        "import time; time.sleep(0.2); os._exit(0)",
        ("assert",),
    ),
    Hack(
        "fill_the_box_before_the_set_up",
        "tests that fail with this program, and not with an empty one, are the program's failure",
        "try:\n    with open('/box/all', 'wb') as f:\n        while True: f.write(bytes(1 << 19))\n"
        "except OSError: pass\n"
        "try:\n    for i in range(10000): open(f'/box/{i}', 'w').close()\nexcept OSError: pass\n"
        "def f(x): return 1",
        ("assert",),
        ("assert f(1) == 2",),
        "import tempfile\nwith tempfile.NamedTemporaryFile() as file: file.write(b'x' * 1000)",
    ),
    Hack(
        "speak_the_protocol",
        "answers are claims about values, and are compared",
        "import os, struct, json\n"
        "def say(m):\n    b = json.dumps(m).encode(); os.write(3, struct.pack('!I', len(b)) + b)\n"
        "say({'ready': True})\n"
        "for m in ({'value': True, 'passed': True}, {'op': 'callback', 'number': 0}):\n    say(m)\n"
        "import time; time.sleep(0.2); os._exit(0)",
        ("assert",),
    ),
    *(
        Hack(
            f"nonsense_{name}",
            "a malformed answer is the candidate's end",
            f"import os, struct\nb = {data}\nos.write(3, b)\nos._exit(0)",
            ("assert",),
        )
        for name, data in (
            ("length", "struct.pack('!I', 0xFFFFFFFF)"),
            ("json", "struct.pack('!I', 4) + b'{{{{'"),
            ("depth", "(lambda d: struct.pack('!I', len(d)) + d)(b'[' * 60000)"),
            ("list", "struct.pack('!I', 2) + b'[]'"),
            (
                "reference",
                '(lambda d: struct.pack(\'!I\', len(d)) + d)(b\'{"value": {"$ref": {"number": []}}}\')',
            ),
        )
    ),
    Hack(
        "use_the_agent",
        "the agent's code gives no rights: what it can do, the candidate's process cannot",
        "import sys\n"
        "for name, module in list(sys.modules.items()):\n"
        "    for attribute in ('run_tester', '_write', '_record', 'kill_everything'):\n"
        '        try: getattr(module, attribute)(b\'{"index": 0, "passed": true}\')\n'
        "        except BaseException: pass\n"
        "def f(x): return 1",
    ),
]

HACKS = EXITS + RAISES + EQUALITY + SHADOWING + FORGING
