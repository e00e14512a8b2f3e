"""How the benches measure: CPU of whole process trees, memory by kind of process, and one file of results.

A sandbox that is killed takes the CPU of its processes with it: nobody waited for them. Where cgroups (version 1) can
be made, a measured process therefore enters one of its own, which counts everything below. Elsewhere it is a
subreaper: what loses its parent becomes its child and is counted when it is reaped, but killed shells of agents count
too little.
"""

import atexit
import contextlib
import ctypes
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results.json"
AGENTHANDS = str(Path(sys.executable).parent / "agenthands")
CORES = len(os.sched_getaffinity(0))
EMBEDDED = "agenthands.flows.server.embedded_process"
_PR_SET_CHILD_SUBREAPER = 36
_CPUACCT = Path("/sys/fs/cgroup/cpuacct")
_group: list[Path] = []


def machine():
    """Say on what was measured; the load tells whether others were at work."""
    return {
        "cores": CORES,
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
        "at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
    }


def save(line, result):
    """Put one line of the bench into the file of results, with the machine; other lines stay."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[line] = {**result, "machine": machine()}
    RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")


def adopt_orphans():
    """Make this process the one to which lost descendants come, and count all that it starts from now on."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if not _group:
        with contextlib.suppress(OSError):
            group = _CPUACCT / f"agenthands-bench-{os.getpid()}"
            group.mkdir()
            _enter(group)
            _group.append(group)
            atexit.register(stop_counting)


def stop_counting():
    """Leave the own cgroup and remove it; a process that counts nowhere does this as well."""
    with contextlib.suppress(OSError):
        _enter(_CPUACCT)
        while _group:
            group = _group.pop()
            for left in (group / "cgroup.procs").read_text().split():  # prepared interpreters end with this process
                _enter(_CPUACCT, left)
            group.rmdir()


def _enter(group, process=None):
    (group / "cgroup.procs").write_text(str(process or os.getpid()))


def reap_orphans():
    """Wait until no sandbox runs below this process, and reap what nobody else waits for.

    Nothing may be started meanwhile in another thread.
    """
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not any(_ending(each) for each in psutil.Process().children(recursive=True)):
            return
        time.sleep(0.05)


def cpu_seconds():
    """Return the CPU seconds of this process, and of all below it but Prefect's server."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own, below = (each.ru_utime + each.ru_stime for each in used)
    if _group:
        below = int((_group[0] / "cpuacct.usage").read_text()) / 1e9 - own - server_cpu()
    return own, below


def server_cpu():
    """Return the CPU seconds of Prefect's embedded servers that are still running: their parents end at once."""
    used = 0.0
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):  # sandboxes that have ended are children here, too
            if EMBEDDED in child.cmdline():
                used += child.cpu_times().user + child.cpu_times().system
    return used


def measure(argv, memory=None, **variables):
    """Run a command to its end; give what it wrote to standard output, wall and CPU seconds of it and all below it.

    What Prefect's embedded server works meanwhile counts, too.

    `memory` is called with its process id all the while. Ends the bench with the command's words where it fails.
    """
    adopt_orphans()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        before, started = cpu_seconds()[1] + server_cpu(), time.monotonic()
        process = subprocess.Popen(argv, stdout=out, stderr=err, env={**os.environ, **variables}, cwd=ROOT)
        watching = threading.Thread(target=_watch, args=(process, memory), daemon=True)
        watching.start()
        code = process.wait()
        wall = time.monotonic() - started
        watching.join()
        reap_orphans()
        out.seek(0)
        err.seek(0)
        text = out.read().decode()
        if code:
            sys.exit(f"{' '.join(argv)} ended with {code}:\n{text[-2000:]}\n{err.read().decode()[-4000:]}")
    return {"out": text, "wall": wall, "cpu": cpu_seconds()[1] + server_cpu() - before}


def _watch(process, memory):
    while memory and process.poll() is None:
        with contextlib.suppress(psutil.Error, OSError):
            memory(process.pid)
        time.sleep(0.1)


class PeakMemory:
    """Notes the largest memory, in MB, of a process alone and of the sandboxes below it; called with its id."""

    def __init__(self):
        """Begin with nothing."""
        self.factory = self.sandboxes = 0.0

    def __call__(self, pid):
        """Look once. Of a sandbox counts what it shares with nobody, and its part of what it shares (PSS)."""
        factory = psutil.Process(pid)
        self.factory = max(self.factory, factory.memory_info().rss / 1e6)
        below = [each for each in factory.children(recursive=True) if in_sandbox(each)]
        self.sandboxes = max(self.sandboxes, sum(share(each.pid) for each in below))


def in_sandbox(process):
    """Return whether a process lives in another pid namespace than this one."""
    try:
        return Path(f"/proc/{process.pid}/ns/pid").readlink() != Path("/proc/self/ns/pid").readlink()
    except OSError:
        return False


def _ending(process):
    try:
        return in_sandbox(process) or process.name() == "bash" or "--unshare-all" in process.cmdline()
    except psutil.Error:
        return True


def share(pid):
    """Return a process's proportional share of memory (PSS) in MB; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1e3 for line in lines if line.startswith("Pss:")), 0.0)
