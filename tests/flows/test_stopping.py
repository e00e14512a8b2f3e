"""What a run does with signals before anything has happened."""

import signal
import subprocess
import sys


def test_an_agents_commands_can_be_interrupted_though_a_script_began_the_worker_in_the_background():
    code = (
        "import subprocess; from flows.stopping import cancelled_by_signal\n"
        "with cancelled_by_signal(print): subprocess.run(['sh', '-c', 'kill -INT $$; echo went on'])"
    )
    begun = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    done = subprocess.run([sys.executable, "-c", code], **begun, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("", "")
