"""A terminal in which a program runs."""

import os
import pty
import select
import subprocess
import time

from patience import patient


class Terminal:
    """A shell on a terminal of its own, as OpenHands opens it."""

    def __init__(self, program):
        self.master, slave = pty.openpty()
        variables = {"PS1": "$? ready> ", "PS2": "", "PATH": "/usr/bin:/bin", "TERM": "xterm"}
        self.process = subprocess.Popen([program, "-i"], stdin=slave, stdout=slave, stderr=slave, env=variables,
                                        start_new_session=True)  # fmt: skip
        os.close(slave)
        self.seen = b""

    def until(self, text, seconds=60):
        """Read until `text` comes, and give all that came before."""
        deadline = time.monotonic() + patient(seconds)
        while text not in self.seen:
            ready = select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))[0]
            assert ready, f"{text} did not come: {self.seen}"
            self.seen += os.read(self.master, 4096)
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, text):
        os.write(self.master, text)
