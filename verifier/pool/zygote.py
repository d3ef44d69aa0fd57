"""The warm process that workers are forked from; ``python -m verifier.pool.zygote FD MEMORY_MB [PLUGIN…]``.

It imports whatever the isolated rewards need, once, and then only forks: each request on its control socket
brings a worker's two descriptors and is answered with the worker's pid. It never reads a task.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from pathlib import Path

from verifier.pool.confine import confine, die_with_parent, limit_memory
from verifier.pool.frames import PID, Progress
from verifier.pool.worker import serve
from verifier.rewards.base import ItemReward
from verifier.rewards.registry import load_plugins, reward_types


def main() -> None:
    """Import, confine, say that we are ready, fork on demand."""
    control = socket.socket(fileno=int(sys.argv[1]))
    memory_mb = int(sys.argv[2])
    die_with_parent()
    load_plugins(map(Path, sys.argv[3:]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the service's to handle
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # workers are reaped by the kernel
    for reward in reward_types().values():
        if isinstance(reward, ItemReward) and reward.isolated:
            reward.preload()
    granted = confine()
    gc.collect()
    gc.freeze()  # keep the shared pages shared
    control.sendall(PID.pack(sum(granted.values())))
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 2)
        if not message:
            return
        connection, progress = descriptors
        pid = os.fork()
        if pid == 0:
            control.close()
            _become_worker(connection, progress, memory_mb)
        os.close(connection)
        os.close(progress)
        control.sendall(PID.pack(pid))


def _become_worker(connection: int, progress: int, memory_mb: int) -> None:
    die_with_parent()
    limit_memory(memory_mb)
    try:
        serve(socket.socket(fileno=connection), Progress(progress))
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
