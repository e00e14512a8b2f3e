"""Whether verdicts are the same while others use the machine."""

import contextlib
import subprocess
import sys
import time

from bench.gate.verdicts import verdict_on_texts

BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: sum(range(10**6))"


@contextlib.contextmanager
def busy(count):
    """Let `count` processes use as much CPU as they get."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def under_load(judging, tools, count):
    """Judge each tool alone, and beside `count` busy processes; return what was found, with the verdicts that differ.

    `tools` are names with specification and files. Raises SandboxLost.
    """
    verdicts, seconds = [], []
    for load in (0, count):
        started = time.monotonic()
        with busy(load):
            found = {}
            for name, (spec, texts) in tools.items():
                found[name] = _outcome(verdict_on_texts(judging, spec, texts))
        verdicts.append(found)
        seconds.append(round(time.monotonic() - started, 1))
    alone, loaded = verdicts
    differ = {name: [alone[name], loaded[name]] for name in tools if alone[name] != loaded[name]}
    return {"processes": count, "judged": len(tools), "differ": differ, "seconds": seconds}


def _outcome(verdict):
    return [verdict["accepted"], sorted(verdict["failed"])]
