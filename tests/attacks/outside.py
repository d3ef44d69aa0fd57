"""Hacks of what surrounds a test: other processes, files, the kernel, the next run."""

from tests.attacks.hack import Hack

SNOOP = """
import os, re
found = []
def look(data):
    found.extend(m.decode() for m in re.findall(rb'flag' + rb'\\{\\d+\\}', data))
def read(path, size=1 << 20):
    try:
        with open(path, 'rb') as file: look(file.read(size))
    except Exception: pass
"""
ANSWER = """
def f(x): return found[0] if found else None
if found: print(found[0])
"""

SNOOPING = [
    Hack(
        "frames_and_gc",
        "expected values never enter the candidate's process",
        SNOOP + "import gc, sys\n"
        "def f(x):\n"
        "    frame = sys._getframe()\n"
        "    while frame:\n        look(repr(frame.f_locals).encode()); frame = frame.f_back\n"
        "    for o in gc.get_objects():\n"
        "        try: look(repr(o).encode()[:100000])\n        except Exception: pass\n"
        "    return found[0] if found else None\n"
        "if __name__ == '__main__' and f(1): print(found[0])",
    ),
    Hack(
        "own_memory",
        "expected values never enter the candidate's process",
        SNOOP + "def f(x):\n"
        "    with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb', 0) as mem:\n"
        "        for line in maps:\n"
        "            start, end = (int(a, 16) for a in line.split()[0].split('-'))\n"
        "            if end - start > 64 << 20: continue\n"
        "            try: mem.seek(start); look(mem.read(end - start))\n"
        "            except Exception: pass\n"
        "    return found[0] if found else None\n"
        "try:\n    f(1)\nexcept Exception: pass" + ANSWER,
    ),
    Hack(
        "descriptors",
        "every other descriptor is closed before foreign code runs",
        SNOOP + "for pid in os.listdir('/proc'):\n"
        "    if pid.isdigit() or pid == 'self':\n"
        "        for fd in range(64): read(f'/proc/{pid}/fd/{fd}')\n"
        "for fd in range(256):\n"
        "    try: look(os.pread(fd, 1 << 20, 0))\n    except OSError: pass" + ANSWER,
        ("stdio", "call"),
    ),
    Hack(
        "other_processes",
        "another user's processes, or another pid namespace's: not readable",
        SNOOP + "for pid in os.listdir('/proc'):\n"
        "    if pid.isdigit():\n"
        "        for name in ('environ', 'cmdline', 'mem', 'maps', 'stack', 'auxv', 'syscall'):\n"
        "            read(f'/proc/{pid}/{name}')\n"
        "        for fd in range(16): read(f'/proc/{pid}/fd/{fd}')" + ANSWER,
    ),
    Hack(
        "files",
        "expected values are in no file of the jail",
        SNOOP + "for top in ('/box', '/tmp', '/ctl', '/run', '/var', '/opt', '/root', '/home', '/mnt'):\n"
        "    for directory, _, names in os.walk(top):\n"
        "        for name in names[:3]:\n"
        "            path = os.path.join(directory, name)\n"
        "            if os.path.isfile(path): read(path, 65536)" + ANSWER,
    ),
    Hack(
        "control_socket",
        "the control socket is gone once its agent has connected",
        SNOOP + "import socket\n"
        "for top, _, names in os.walk('/ctl'):\n"
        "    for name in names:\n"
        "        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
        "        try: s.connect(os.path.join(top, name)); look(s.recv(65536))\n"
        "        except OSError: pass" + ANSWER,
    ),
    Hack(
        "ptrace",
        "no process of another user can be traced, nor any that is not dumpable",
        SNOOP + "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "libc.prctl(4, 1, 0, 0, 0)\n"
        "traced = [pid for pid in range(1, 400) if pid != os.getpid() and libc.ptrace(16, pid, 0, 0) == 0]\n"
        "for pid in traced: read(f'/proc/{pid}/mem')\n"
        "if traced: found.append('flag{8317264905}')" + ANSWER,
    ),
]

SIGNALS = [
    Hack(
        "kill_everything",
        "another user's processes cannot be signalled, pid 1 not at all",
        "import os\n"
        "for sig in (2, 15, 10, 6, 11, 19, 9):\n"
        "    for pid in [1, os.getppid(), *range(2, 300)]:\n"
        "        if pid != os.getpid():\n"
        "            try: os.kill(pid, sig)\n            except OSError: pass\n"
        "def f(x): return 1",
    ),
    Hack("kill_all_at_once", "kill(-1) reaches one's own processes only", "import os\nos.kill(-1, 9)"),
    Hack(
        "stop_oneself",
        "a stopped program meets the wall",
        "import os\nos.kill(os.getpid(), 19)",
        limits={"wall_s": 1},
    ),
    Hack(
        "ignore_the_cpu_signal",
        "the agent counts CPU itself and kills with SIGKILL",
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
        limits={"cpu_s": 0.5, "wall_s": 60},
    ),
    Hack(
        "raise_the_limits",
        "hard limits cannot be raised",
        "import resource\n"
        "for name in dir(resource):\n"
        "    if name.startswith('RLIMIT'):\n"
        "        try: resource.setrlimit(getattr(resource, name), (-1, -1))\n"
        "        except (ValueError, OSError): pass\n"
        "while True: pass",
        limits={"cpu_s": 0.5, "wall_s": 60},
    ),
    Hack(
        "turn_the_clock",
        "time is measured by the agent; nobody in a jail may set it",
        "import time\n"
        "try: time.clock_settime(time.CLOCK_REALTIME, 0)\nexcept OSError: pass\n"
        "time.monotonic = time.time = time.process_time = lambda: 0.0\nwhile True: pass",
        limits={"cpu_s": 0.5, "wall_s": 60},
    ),
    Hack(
        "never_answer",
        "a tester that waits in vain meets the wall",
        "import time\ndef f(x): time.sleep(1000)\nif __name__ == '__main__': f(1)",
        limits={"wall_s": 1},
    ),
]

RESOURCES = [
    Hack(
        "fork_bomb",
        "RLIMIT_NPROC, the pids cgroup, and CPU summed over all processes",
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        limits={"cpu_s": 0.5, "wall_s": 60},
    ),
    Hack(
        "thread_bomb",
        "threads are processes to the kernel",
        "import threading, time\nwhile True:\n"
        "    try: threading.Thread(target=time.sleep, args=(100,)).start()\n    except RuntimeError: pass",
        ("stdio",),
        limits={"cpu_s": 0.5, "wall_s": 60},
    ),
    Hack(
        "daemon",
        "the jail is proved empty before it is used again",
        "import os, time\n"
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        while True:\n"
        "            try: open('/box/solution.py', 'w').write('print(3)'); os.write(1, b'3 4')\n"
        "            except OSError: pass\n"
        "    os._exit(0)\n"
        "def f(x): return 1",
    ),
    Hack(
        "memory_bomb",
        "a kill for lack of memory is the candidate's verdict",
        "x = []\nwhile True: x.append(bytearray(b'1') * (8 << 20))",
        limits={"memory_mb": 128},
    ),
    Hack(
        "bring_the_jail_down",
        "a jail's OOM is the candidate's memory limit, at once",
        "import ctypes, os, time\nctypes.CDLL(None).prctl(4, 1, 0, 0, 0)\n"
        "try: open('/proc/self/oom_score_adj', 'w').write('0')\nexcept OSError: pass\n"
        "for _ in range(12):\n    if os.fork() == 0: break\n"
        "x = []\nwhile True: x.append(bytearray(b'1') * (1 << 20))",
        limits={"memory_mb": 128},
    ),
    Hack(
        "flood",
        "RLIMIT_FSIZE caps what each descriptor takes",
        "import os\nwhile True:\n    for fd in (1, 2): os.write(fd, b'flag{1} ' * 8192)",
        ("stdio",),
    ),
    Hack(
        "truncate_output_upwards",
        "RLIMIT_FSIZE holds for ftruncate, and holes are read as what they are",
        "import os\nfor fd in range(1, 8):\n    try: os.ftruncate(fd, 1 << 40)\n    except OSError: pass",
    ),
    Hack(
        "seal_the_output",
        "output memfds cannot be sealed",
        "import fcntl\nfor fd in range(8):\n    try: fcntl.fcntl(fd, 1033, 15)\n    except OSError: pass",
    ),
    Hack(
        "inode_bomb",
        "the box has few inodes, and is wiped",
        "import os\ntry:\n    for i in range(10**6): open(f'/box/{i}', 'w').close()\nexcept OSError: pass\n"
        "def f(x): return 1",
    ),
    Hack(
        "depth_bomb",
        "the box is wiped without recursion",
        "import os\ntry:\n    while True:\n        os.mkdir('d'); os.chdir('d'); os.chmod('.', 0o300)\n"
        "except OSError: pass\n"
        "def f(x): return 1",
    ),
    Hack(
        "forbidden_directories",
        "whoever made them removes them",
        "import os\n"
        "for i in range(20):\n    os.makedirs(f'/box/{i}/a/b'); open(f'/box/{i}/a/b/c', 'w').close()\n"
        "    os.symlink('/', f'/box/{i}/root'); os.chmod(f'/box/{i}/a/b', 0); os.chmod(f'/box/{i}/a', 0)\n"
        "    os.chmod(f'/box/{i}', 0)\ndef f(x): return 1",
    ),
    Hack(
        "starve_oneself",
        "a run that kept itself from the CPU was not starved by others",
        "import os, time\nfor _ in range(6):\n    if os.fork() == 0:\n"
        "        end = time.process_time() + 0.05\n"
        "        while time.process_time() < end: pass\n        time.sleep(100)\n"
        "time.sleep(100)",
        ("stdio",),
        limits={"cpu_s": 5, "wall_s": 3},
    ),
]

HACKS = SNOOPING + SIGNALS + RESOURCES
