"""How the process of a command ends."""

import os
import subprocess
import sys

import pytest
from sample_records import record as accepted_record

from agenthands.adapters.fsspec_store import FsspecStore
from agenthands.publishing import publish_build


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        ("errors.ModelNotUsable('No key.')", 2, "Error: No key.\n"),
        ("errors.ModelUnavailable('It is away.')", 3, "Error: It is away.\n"),
        ("KeyError('x')", 70, "Error: This is a bug of AgentHands, not your mistake: KeyError: 'x'\n"),
        ("KeyboardInterrupt()", 130, ""),
    ],
)
def test_a_build_that_fails_waits_for_no_thread_and_says_all_it_had_to_say(error, code, message):
    program = f"""
import sys, threading
from agenthands import errors
from flows import command_line, running

def fail(*_):
    threading.Thread(target=threading.Event().wait).start()
    print("said before", end="")
    raise {error}

running.run_build = fail
sys.argv = ["agenthands", "build", "an agent"]
command_line.main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout) == (code, "said before")
    assert done.stderr.startswith(message)
    assert ("Traceback" in done.stderr) is (code == 70)


@pytest.mark.parametrize("command", [["list"], ["list", "--json"], ["show", "{}", "--full"], ["--help"]])
def test_a_command_whose_reader_has_ended_ends_quietly(tmp_path, command):
    record = publish_build(accepted_record(), {}, FsspecStore(str(tmp_path)))
    command = [part.format(record.build_id) for part in command]
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [sys.executable, "-m", "flows.command_line", *command],
        env={**os.environ, "AGENTHANDS_STORE": str(tmp_path)},
        stdout=writes,
        stderr=subprocess.PIPE,
        timeout=100,
    )
    os.close(writes)
    assert (done.returncode, done.stderr) == (141, b"")
