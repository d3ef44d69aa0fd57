"""The `execute` kind: a program with files beside it."""

import json
import os

from .jail import BOX
from .program import run_program


def run_with_files(source: bytes, job: bytes) -> None:
    """Write the files into the box, then run the program. Never returns."""
    for name, text in json.loads(job)["files"].items():
        path = os.path.join(BOX, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    run_program(source)
