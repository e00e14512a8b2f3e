"""The installed command, run as a user runs it: in a process of its own."""

import os
import subprocess

from patience import patient
from served_support import BIN

COMMAND = str(BIN / "agenthands")


def agenthands(*arguments, store, **variables):
    environment = {**os.environ, "AGENTHANDS_STORE": str(store), **variables}
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, env=environment, timeout=patient(800))
