"""The command line in a process that has imported all and keeps its prepared interpreters, for many commands.

A command of its own imports for 8 CPU seconds and prepares interpreters for 4. Tests that look at what a build says
and leaves, and not at how its process begins and ends, ask such a process; each of their commands has the arguments,
variables, exit code and output that it would have by itself.
"""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from patience import patient
from warm_command_script import TOO_LONG

_SCRIPT = Path(__file__).with_name("warm_command_script.py")


class WarmCommand:
    """A process that runs one command after the other. One that does not end is killed, and followed by another."""

    def __init__(self, variables):
        self._variables, self._process = variables, None

    def run(self, *arguments, seconds=400, **variables):
        """Run a command with more variables; returns what subprocess.run would."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            argv = ["agenthands", *(str(argument) for argument in arguments)]
            environment = {**os.environ, **self._variables, **{name: str(value) for name, value in variables.items()}}
            code = self._ask({"argv": argv, "environment": environment, "out": str(out), "err": str(err)}, seconds)
            texts = [path.read_text() if path.exists() else "" for path in (out, err)]
        if code is None:
            raise subprocess.TimeoutExpired(argv, seconds, *texts)
        return subprocess.CompletedProcess(argv, code, *texts)

    def _ask(self, job, seconds):
        """Return the exit code; None where the time was over."""
        if self._process is None or self._process.poll() is not None:
            environment = {**os.environ, **self._variables}
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "start_new_session": True}
            self._process = subprocess.Popen([sys.executable, "-P", _SCRIPT], env=environment, **pipes)
        self._process.stdin.write(json.dumps({**job, "seconds": patient(seconds)}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        return int(answer) if answer else self._ended()

    def _ended(self):
        """Return how it ended by itself, as a command does that is interrupted; None where its time was over."""
        code = self._process.wait()
        return None if code == TOO_LONG else code

    def close(self):
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait(patient(30))


@contextmanager
def warm_command(variables):
    command = WarmCommand(variables)
    try:
        yield command
    finally:
        command.close()
