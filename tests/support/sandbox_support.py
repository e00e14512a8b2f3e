"""How the contract of the sandboxes is tried: commands, and looking for what they leave running."""

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import replace

import psutil
from patience import patient

from agenthands.sandbox.base import Command, Limits, Preparation

MIB = 1024**2


def runner(sandbox, workspace):
    def run(*argv, **changes):
        limits = Limits(**{"seconds": patient(30), **changes.pop("limits", {})})
        return sandbox.run(replace(Command(argv, workspace, limits=limits), **changes))

    return run


class Entered:
    """A sandbox in which every command is begun by a fork of a prepared interpreter, which becomes the command."""

    name = "bubblewrap"

    def __init__(self, sandbox):
        self.sandbox, self.shell = sandbox, sandbox.shell

    def run(self, command):
        # without the preparation there is no name `become`, and nothing runs
        argv = [os.path.realpath(sys.executable), "-P", "-c", f"become({list(command.argv)!r})"]
        return self.sandbox.run(replace(command, argv=argv, prepared=Preparation(BECOME)))


BECOME = """import os
def become(argv):
    try:
        os.execvp(argv[0], argv)
    except FileNotFoundError:
        os._exit(127)
"""


def runs(word):
    return any(word in (process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))


def becomes(state, word, seconds=8):
    deadline = time.monotonic() + patient(seconds)
    while runs(word) is not state and time.monotonic() < deadline:
        time.sleep(0.1)
    return runs(word) is state


def ended(word):
    return becomes(False, word)


def sh(text):
    return ("/bin/bash", "-c", text)


def python(text):
    return (os.path.realpath(sys.executable), "-I", "-c", text)


SHELL_BOUNDS = [
    ("processes", "for i in $(seq 100); do sleep 20 & done; wait", Limits(processes=40)),
    ("memory", "for i in 1 2 3 4; do head -c 30M /dev/zero | tail -c 29M | sleep 20 & done; wait",
     Limits(memory_bytes=60 * MIB)),
    ("disk", "for i in $(seq 60); do head -c 1M /dev/zero > f$i; done; sleep 20", Limits(disk_bytes=20 * MIB)),
]  # fmt: skip


def exceed_in_a_shell(sandbox, folder, bound, text, limits):
    """Type what exceeds a bound, see that it is told and that the shell starts anew, and close it."""
    workspace = folder / "workspace"
    workspace.mkdir()
    shell = sandbox.shell(Command((), workspace, limits=limits), folder / "control")
    with (
        contextlib.closing(shell),
        subprocess.Popen([shell.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         start_new_session=True, text=True) as process,
    ):  # fmt: skip
        process.stdin.write(text + "\n")
        process.stdin.flush()
        lines = iter(process.stdout.readline, "")
        assert any(f"reached its bound of {bound}" in line for line in lines)
        process.stdin.write("rm -f f*; echo again\n")
        process.stdin.flush()
        assert any(line == "again\n" for line in lines)
        time.sleep(0.6)
        shell.close()
        assert process.wait(patient(10)) != 0
