"""What child processes are when this one ends: tried in a process that ends."""

import subprocess
import sys

import pytest
from patience import patient

pytestmark = pytest.mark.slow

ENDING = """
import sys, threading, time
from pathlib import Path
from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agenthands.sandbox.subprocesses import end_all_processes, run_process
from agenthands.sandbox.base import Command
from agenthands.errors import SandboxLost

def told(run):
    try:
        print("a result:", run())
    except (SandboxLost, OSError) as error:
        print(type(error).__name__, error)

folder = Path(sys.argv[1])
begun = folder / "begun"
command = Command(["/bin/bash", "-c", "touch begun; sleep 1000"], folder)
thread = threading.Thread(target=told, args=(lambda: BubblewrapSandbox().run(command),))
thread.start()
while not begun.exists():
    time.sleep(0.05)
end_all_processes()
thread.join()
told(lambda: run_process(["true"], seconds=10))
"""


def test_what_ends_because_this_process_ends_gives_no_result(bubblewrap, tmp_path):
    argv = [sys.executable, "-c", ENDING, str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=patient(60))
    assert done.stdout.splitlines() == [
        "SandboxLost The sandbox cannot be set up: this process is ending",
        "OSError this process is ending",
    ], done.stderr
