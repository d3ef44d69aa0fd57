"""A Python program in the preloaded interpreter, as `python3 solution.py` would run it."""

import atexit
import builtins
import io
import os
import sys
import threading
import traceback
import types
from collections.abc import Callable

from .jail import BOX

COMPILE_ERROR = 120
"""Exit code of a program that does not parse. A candidate that claims it gains nothing."""


def read_all(fd: int) -> bytes:
    """The whole of a memfd, without moving its offset."""
    size, parts, done = os.fstat(fd).st_size, [], 0
    while done < size:
        part = os.pread(fd, size - done, done)
        if not part:
            break
        parts.append(part)
        done += len(part)
    return b"".join(parts)


def become_script() -> None:
    """Import from the box, and use streams over descriptors 0, 1 and 2 that nothing of the agent has touched.

    Only in a candidate's process: whoever else imported from the box would run the candidate's code.
    """
    sys.path.insert(0, BOX)
    stdin = io.BufferedReader(io.FileIO(0, "r", closefd=False))
    stdout = io.BufferedWriter(io.FileIO(1, "w", closefd=False))
    stderr = io.BufferedWriter(io.FileIO(2, "w", closefd=False))
    sys.stdin = io.TextIOWrapper(stdin, "utf-8", errors="surrogateescape")
    sys.stdout = io.TextIOWrapper(stdout, "utf-8", errors="surrogateescape")
    sys.stderr = io.TextIOWrapper(stderr, "utf-8", errors="backslashreplace", line_buffering=True)
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)


def new_module(name: str) -> types.ModuleType:
    """An empty module of that name, also known as the main one."""
    module = types.ModuleType(name)
    module.__dict__["__builtins__"] = builtins
    sys.modules[name] = sys.modules["__main__"] = module
    sys.argv = ["solution.py"]
    return module


def compile_program(source: bytes) -> types.CodeType:
    """Raises SyntaxError or ValueError (null bytes)."""
    return compile(source, "solution.py", "exec", dont_inherit=True)


def run_to_exit(body: Callable[[], None]) -> None:
    """Run `body` and leave the process as the interpreter would."""
    code = 0
    try:
        body()
    except SystemExit as request:
        code = _exit_code(request)
    except BaseException:  # noqa: BLE001 - whatever a program raises ends it with its traceback
        traceback.print_exc()
        code = 1
    _shut_down(code)


def _exit_code(request: SystemExit) -> int:
    if request.code is None:
        return 0
    if isinstance(request.code, int):
        return request.code & 255
    print(request.code, file=sys.stderr)  # noqa: T201 - what the interpreter does
    return 1


def _shut_down(code: int) -> None:
    for step in (threading._shutdown, atexit._run_exitfuncs, sys.stdout.flush, sys.stderr.flush):  # type: ignore[attr-defined]
        try:
            step()
        except BaseException:  # noqa: BLE001 - the program's own handlers
            code = code or 120
    os._exit(code)


def run_program(source: bytes) -> None:
    """The `program` kind: stdin to stdout. Never returns."""
    become_script()
    module = new_module("__main__")
    try:
        code = compile_program(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        traceback.print_exc(limit=0)
        os._exit(COMPILE_ERROR)
    run_to_exit(lambda: exec(code, module.__dict__))
