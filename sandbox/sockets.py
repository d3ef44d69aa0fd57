"""Where unix sockets fit: their paths have room for little more than 100 bytes, whatever TMPDIR says."""

import os
import tempfile
from pathlib import Path

LONGEST_ROOT = 50
"""What is made below a root (a directory of a service, one of a jail, a socket) stays under 50 bytes more."""


def socket_root() -> Path:
    """The temporary directory, or `/tmp` where paths below it would be too long for a socket."""
    root = tempfile.gettempdir()
    return Path(root if len(os.fsencode(root)) <= LONGEST_ROOT else "/tmp")
