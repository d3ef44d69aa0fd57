"""The `call` kind: arguments in, plain values out. Expected values never come here."""

import json
import os
import time
import types
from collections.abc import Callable
from typing import Any

from .program import become_script, compile_program, new_module, run_to_exit
from .values import CannotCross, decode, encode

RESULTS = 3


def run_calls(source: bytes, job: bytes) -> None:
    """Call the function once for each case and write one line a case. Never returns."""
    become_script()
    request = json.loads(job)
    module = new_module("solution")
    try:
        code = compile_program(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        _write("loaded")
        _record({"index": 0, "syntax": f"{type(error).__name__}: {error}"})
        os._exit(0)

    def body() -> None:
        exec(code, module.__dict__)
        _write("loaded")
        for index, case in enumerate(request["cases"]):
            _record({"index": index, **_one(module, request["function"], case)})

    run_to_exit(body)


def _record(result: dict[str, Any]) -> None:
    _write(json.dumps(result))


def _write(text: str) -> None:
    line = f"{text}\n".encode()
    while line:
        line = line[os.write(RESULTS, line) :]


def _one(module: types.ModuleType, path: str, case: dict[str, Any]) -> dict[str, Any]:
    cpu, wall = time.process_time(), time.monotonic()
    try:
        function = _find(module, path)
        value = function(*decode(case["args"]), **{key: decode(v) for key, v in case["kwargs"].items()})
        result = {"value": encode(value)}
    except CannotCross as error:
        result = {"no_value": str(error)}
    except Exception as error:  # noqa: BLE001 - the candidate's own
        result = {"error": f"{type(error).__name__}: {error}"[:500]}
    used = {"cpu_ms": (time.process_time() - cpu) * 1e3, "wall_ms": (time.monotonic() - wall) * 1e3}
    return result | used


def _find(module: types.ModuleType, path: str) -> Callable[..., Any]:
    """`add`, or a method of a fresh `Solution`; a lone `Solution` may hold the function too."""
    owner, _, name = path.rpartition(".")
    if not owner and not hasattr(module, name) and hasattr(module, "Solution"):
        owner = "Solution"
    holder = getattr(module, owner)() if owner else module
    function: Callable[..., Any] = getattr(holder, name)
    return function
