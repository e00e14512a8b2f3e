"""Runs in a process of its own, with our own Python: calls functions by name, each within a bound of CPU time.

Started by `killable.py`. Reads two lines of JSON a call, {"function": "module:name", "cpu_seconds": float} and the list
of arguments, and writes one: {"result": ...}, {"raised": text}, or {"unfinished": text}. Past the bound the kernel
ends this process, whatever it is doing: a timer of Python's own would wait for the end of a call into C. Ends by
itself when nobody has asked for a while, or when its parent has ended.
"""

import importlib
import json
import os
import resource
import signal
import sys

MEMORY_BYTES = 2 * 1024**3
IDLE_SECONDS = 60


def main():
    """Answer until nobody asks any more."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # what a function prints is no answer
    os.dup2(nowhere, 2)
    for end in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(end, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.path[:] = json.loads(sys.stdin.buffer.readline())
    while True:
        signal.alarm(IDLE_SECONDS)
        head = sys.stdin.buffer.readline()
        signal.alarm(0)
        if not head:
            return
        wanted = json.loads(head)
        module, _, name = wanted["function"].partition(":")
        function = getattr(importlib.import_module(module), name)  # before the clock starts
        line = sys.stdin.buffer.readline()
        signal.setitimer(signal.ITIMER_PROF, wanted["cpu_seconds"])
        answer = answered(function, line)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(answer)
        answers.flush()


def answered(function, line):
    """Return the line that answers one call."""
    try:
        said = {"result": function(*json.loads(line))}
        return json.dumps(said).encode() + b"\n"
    except MemoryError:
        said = {"unfinished": "it takes too much memory"}
    except RecursionError:
        said = {"unfinished": "it is nested too deeply, or refers to itself without end"}
    except Exception as error:
        said = {"raised": f"{type(error).__name__}: {error}"[:2000]}
    return json.dumps(said).encode() + b"\n"


if __name__ == "__main__":
    main()
