"""What a run does with signals before anything has happened."""

import os
import signal
import subprocess
import sys

import pytest
from patience import patient

TEXT = {"capture_output": True, "text": True}


def test_an_agents_commands_can_be_interrupted_though_a_script_began_the_worker_in_the_background():
    code = (
        "import subprocess; from agenthands.flows.cancellation import cancelled_by_signal\n"
        "with cancelled_by_signal(print): subprocess.run(['sh', '-c', 'kill -INT $$; echo went on'])"
    )
    begun = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    done = subprocess.run([sys.executable, "-c", code], **begun, **TEXT, timeout=patient(60))
    assert (done.stdout, done.stderr) == ("", "")


def test_what_is_made_while_a_run_says_its_last_words_goes_with_the_process(tmp_path):
    code = (
        "import os, signal, tempfile, time; from agenthands.store.workdirs import use_scratch\n"
        "from agenthands.flows.cancellation import cancelled_by_signal\n"
        "use_scratch()\n"
        "with cancelled_by_signal(lambda: print(tempfile.mkstemp(), flush=True)):\n"
        "    os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)"
    )
    variables = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=variables, **TEXT, timeout=patient(60))
    assert done.returncode == 130
    assert str(tmp_path) in done.stdout
    assert list(tmp_path.iterdir()) == []


STUCK = """
import ctypes, os, signal, threading, time
from agenthands.flows import cancellation
from agenthands.store import workdirs
def fails():
    raise OSError
workdirs.leave_scratch = cancellation.end_everything = fails
def later():
    time.sleep(1)
    os.kill(os.getpid(), signal.{number})
threading.Thread(target=later).start()
lock, library = ctypes.create_string_buffer(128), ctypes.CDLL(None)
with cancellation.{context}:
    for _ in range(2):
        library.pthread_mutex_lock(lock)
"""


@pytest.mark.parametrize(("number", "context"), [
    ("SIGTERM", "cancelled_by_signal(lambda: print('said', flush=True))"),
    ("SIGINT", "ended_by_interrupt(lambda: print('said', flush=True))"),
    ("SIGTERM", "ended_by_interrupt(lambda: print('said', flush=True))"),
])  # fmt: skip
def test_a_run_ends_though_its_main_thread_waits_where_no_signal_reaches_it_and_nothing_can_be_tidied(number, context):
    code = STUCK.format(number=number, context=context)
    done = subprocess.run([sys.executable, "-c", code], **TEXT, timeout=patient(60))
    assert (done.returncode, done.stdout) == (130, "said\n"), done.stderr
