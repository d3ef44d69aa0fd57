"""What a run has used: CPU over all of its processes, kills for lack of memory, time without a CPU."""

import os
import resource
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
OWN_PID = os.getpid()


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


class Meter:
    """Reads the jail's own cgroup, version 1 or 2; without one, /proc."""

    def __init__(self, cgroup: str = "/sys/fs/cgroup") -> None:
        self._usage_ns = self._first(f"{cgroup}/cpuacct/cpuacct.usage", f"{cgroup}/cpuacct.usage")
        self._stat = self._first(f"{cgroup}/cpu.stat")
        self._oom = self._first(
            f"{cgroup}/memory/memory.oom_control", f"{cgroup}/memory.oom_control", f"{cgroup}/memory.events"
        )

    @staticmethod
    def _first(*paths: str) -> str | None:
        return next((path for path in paths if Path(path).exists()), None)

    @property
    def total_cpu(self) -> bool:
        """Whether CPU of processes nobody waited for is counted."""
        return bool(self._usage_ns or self._stat)

    @property
    def counts_oom(self) -> bool:
        """Whether kills for lack of memory can be seen."""
        return self._oom is not None

    def cpu_s(self) -> float:
        """CPU seconds used so far by everything in the jail."""
        if self._usage_ns:
            return int(_read(self._usage_ns) or 0) / 1e9
        if self._stat:
            return _field(_read(self._stat), "usage_usec") / 1e6
        return _proc_cpu_s()

    def oom_kills(self) -> int:
        """How often the kernel killed here for lack of memory."""
        return _field(_read(self._oom), "oom_kill") if self._oom else 0


def _field(text: str, name: str) -> int:
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _proc_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = used.ru_utime + used.ru_stime
    for pid in _pids():
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        if fields and pid != OWN_PID:
            total += sum(map(int, fields[11:15])) / TICK
    return total


def longest_wait_s() -> float:
    """The longest time any living thread of the run stood runnable without a CPU."""
    waits = [0]
    for pid in _pids():
        if pid != OWN_PID:
            waits += [_wait_ns(pid, thread) for thread in _threads(pid)]
    return max(waits) / 1e9


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:  # it has ended meanwhile
        return []


def _wait_ns(pid: int, thread: str) -> int:
    fields = _read(f"/proc/{pid}/task/{thread}/schedstat").split()
    return int(fields[1]) if len(fields) > 1 else 0


class Machine:
    """How busy others kept the machine since this object was made."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._busy, self._own, self._at = _busy_s(), meter.cpu_s(), time.monotonic()

    def others_share(self) -> float:
        """CPU used outside the jail, as a share of all there was."""
        elapsed = max(time.monotonic() - self._at, 1e-3) * (os.cpu_count() or 1)
        own = self._meter.cpu_s() - self._own
        return (_busy_s() - self._busy - own) / elapsed


def _busy_s() -> float:
    fields = _read("/proc/stat").split("\n", 1)[0].split()[1:]
    if len(fields) < 8:
        return 0.0
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq + steal) / TICK
