"""Nothing of one run is there for the next, and nothing of the host."""

from tests.sandbox.conftest import Sandbox

LEAVE = """
import os, ctypes, socket, threading
libc = ctypes.CDLL(None, use_errno=True)
for directory in "/box /tmp /dev/shm /dev/mqueue /var/tmp /run /ctl /opt/jail /root /".split():
    for name in ("solution.py", "sitecustomize.py", "json.py", ".pythonrc", "usercustomize.py"):
        try: open(os.path.join(directory, name), "w").write("SOLVED = 1")
        except OSError: pass
try:
    os.makedirs("/box/.local/lib/python3.11/site-packages")
    open("/box/.local/lib/python3.11/site-packages/usercustomize.py", "w").write("print('hi')")
except OSError: pass
libc.shmget(4711, 4096, 0o1666)
libc.msgget(4711, 0o1666)
libc.semget(4711, 1, 0o1666)
libc.mq_open(b"/left", 0o102, 0o666, None)
try:
    server = socket.socket(socket.AF_UNIX); server.bind("\\0left"); server.listen()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: server.accept()
except OSError: pass
"""
FIND = """
import os, ctypes, socket
libc = ctypes.CDLL(None, use_errno=True)
left = [os.path.join(d, n) for d in ("/box", "/tmp", "/dev/shm", "/dev/mqueue", "/var/tmp", "/run")
        if os.path.isdir(d) for n in (os.listdir(d) if os.access(d, os.R_OK) else ())
        if n.endswith(".py") or n in ("left", ".local", ".pythonrc")]
for name in ("shmget", "msgget", "semget"):
    arguments = (4711, 0, 0) if name != "msgget" else (4711, 0)
    if getattr(libc, name)(*arguments) != -1: left.append(name)
if libc.mq_open(b"/left", 0) != -1: left.append("mq_open")
try:
    socket.socket(socket.AF_UNIX).connect("\\0left"); left.append("abstract socket")
except OSError: pass
others = [p for p in os.listdir("/proc") if p.isdigit() and int(p) > 1 and int(p) != os.getpid()
          and os.stat(f"/proc/{p}").st_uid not in (0, 65534)]
print(left, others)
"""
ESCAPES = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
done = []
def attempt(name, action):
    try:
        if action() not in (None, False, -1): done.append(name)
    except (OSError, AttributeError, ValueError): pass
attempt("setuid", lambda: os.setuid(0) or (os.getuid() == 0 and open("/proc/1/environ").read()))
attempt("mount", lambda: libc.mount(b"x", b"/box", b"tmpfs", 0, None) + 1)
attempt("unshare user", lambda: libc.unshare(0x10000000) + 1)
attempt("unshare net", lambda: libc.unshare(0x40000000) + 1)
attempt("chroot", lambda: libc.chroot(b"/box") + 1)
attempt("reboot", lambda: libc.reboot(0) + 1)
attempt("sethostname", lambda: libc.sethostname(b"x", 1) + 1)
attempt("keyctl", lambda: libc.syscall(250, 0, -3, 1, 0, 0) > 0)
attempt("bpf", lambda: libc.syscall(321, 0, 0, 0) + 1)
attempt("io_uring", lambda: libc.syscall(425, 8, b"\\0" * 120) + 1)
attempt("clock", lambda: libc.settimeofday(b"\\0" * 16, None) + 1)
attempt("root is writable", lambda: open("/usr/bin/x", "w"))
attempt("agent is writable", lambda: open("/opt/jail/agent/main.py", "a"))
attempt("sysctl", lambda: open("/proc/sys/kernel/hostname", "w").write("x"))
attempt("net sysctl", lambda: open("/proc/sys/net/ipv4/ip_forward", "w").write("1"))
attempt("cgroup", lambda: open("/sys/fs/cgroup/memory/memory.limit_in_bytes", "w").write("-1"))
attempt("core pattern", lambda: open("/proc/sys/kernel/core_pattern", "w").write("|/bin/x"))
attempt("sysrq", lambda: open("/proc/sysrq-trigger", "w").write("b"))
attempt("kmsg", lambda: open("/dev/kmsg").read(1))
attempt("mknod", lambda: os.mknod("/box/sda", 0o60666, os.makedev(8, 0)) or open("/box/sda", "rb").read(1))
attempt("network", lambda: socket.create_connection(("1.1.1.1", 53), 1))
attempt("raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("packet socket", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt("negative nice", lambda: os.nice(-5) < 0)
attempt("docker socket", lambda: os.stat("/var/run/docker.sock"))
attempt("environment", lambda: set(os.environ) - {"PATH", "HOME", "TMPDIR", "LANG"} or None)
print(done)
"""


def test_one_run_finds_nothing_of_another(sandbox: Sandbox) -> None:
    for _ in range(2 * sandbox.ready().slots):
        assert sandbox.execute(LEAVE).exit_code is not None
    for _ in range(2 * sandbox.ready().slots):
        assert sandbox.execute(FIND).stdout == "[] []\n"


def test_nothing_outside_can_be_reached(sandbox: Sandbox) -> None:
    result = sandbox.execute(ESCAPES)
    assert (result.stdout, result.stderr) == ("[]\n", "")


def test_a_child_sees_neither_tester_nor_agent(sandbox: Sandbox) -> None:
    program = """
import os
def f():
    readable = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) != os.getpid():
            for name in ("environ", "maps", "mem", "fd", "stack", "cwd", "exe"):
                try:
                    path = f"/proc/{pid}/{name}"
                    if name in ("cwd", "exe"): os.readlink(path)
                    elif name == "fd": os.listdir(path)
                    else: open(path, "rb").read(1)
                    readable.append(path)
                except OSError: pass
    return readable
"""
    assert sandbox.asserts(program, "assert f() == []") == ["correct"]
