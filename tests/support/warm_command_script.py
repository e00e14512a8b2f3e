"""Runs one command of `agenthands` after the other in this process: what `warm_command` starts.

A job is a line of JSON on standard input, its exit code a line on what was standard output.
"""

import json
import os
import sys
import threading

TOO_LONG = 124


def serve():
    """Do one job after the other until there are no more."""
    from agenthands.flows import cancellation

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    before = os.dup(1), os.dup(2)
    for line in sys.stdin:
        job = json.loads(line)
        _print_to(job["out"], job["err"])
        code = _run(job)
        sys.stdout.flush()
        sys.stderr.flush()
        for number, saved in zip((1, 2), before, strict=True):
            os.dup2(saved, number)
        answers.write(f"{code}\n")
        answers.flush()
    cancellation.end_everything()
    cancellation.exit_at_once(0)  # threads of libraries may wait for what never comes


def _print_to(*files):
    for number, name in zip((1, 2), files, strict=True):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)


def _run(job):
    """Run a command as a process of its own would that has just begun; returns its exit code."""
    from agenthands.cli import commands, main
    from agenthands.llm import retry

    scratch = {name: value for name, value in os.environ.items() if name == "TMPDIR"}  # this process chose its own
    os.environ.clear()
    os.environ.update(job["environment"] | scratch)
    commands.leave = sys.exit  # it would end this process
    retry._resting = retry.CooldownRegistry()
    sys.argv, streams = job["argv"], (sys.stdout, sys.stderr)
    end = threading.Timer(job["seconds"], os._exit, (TOO_LONG,))
    end.start()
    try:
        main.main()
    except SystemExit as ended:
        return ended.code or 0
    finally:
        end.cancel()
        sys.stdout, sys.stderr = streams
    return 0


if __name__ == "__main__":
    serve()
