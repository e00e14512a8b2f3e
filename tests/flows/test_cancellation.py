"""What a run does with signals before anything has happened."""

import os
import signal
import subprocess
import sys

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
