"""Runs of pytest in forks of one interpreter that has NAT and pytest imported already: its server, and who asks it.

Both are in the same sandbox, with the same rights. The server listens on an abstract socket, which belongs to the
sandbox's network namespace. One message asks for a run, with the three standard streams beside it:

    {"arguments": [...], "module": bool, "folder": path, "variables": {...}, "umask": int}

It answers with the process id of the run and then with its exit code. A run that nobody waits for any more is ended.
Where there is no server, or something is asked of Python that only a new interpreter can give, pytest runs as usual.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import sys

ADDRESS = "\0agenthands-pytest"
STARTED_WITH = {"PYTHONDONTWRITEBYTECODE": "1"}  # variables of Python, PYTHONPATH aside
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
MAX_MESSAGE = 1024 * 1024


def hand_over(arguments, module):
    """Have the server do this run and end with its exit code; returns where a new interpreter must do it."""
    variables = dict(os.environ)
    ours = {name: value for name, value in variables.items() if name.startswith("PYTHON") and name != "PYTHONPATH"}
    if ours != STARTED_WITH:
        return
    umask = os.umask(0)
    os.umask(umask)
    request = {
        "arguments": arguments,
        "module": module,
        "folder": os.getcwd(),
        "variables": variables,
        "umask": umask,
    }
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        server.connect(ADDRESS)
        socket.send_fds(server, [json.dumps(request).encode()], [0, 1, 2])
        pid = int(server.recv(64))
    except (OSError, ValueError):
        server.close()
        return

    def pass_on(number, _):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    code = server.recv(64)
    if not code:
        os.write(2, b"The run was lost: what did it has ended.\n")
    os._exit(int(code or 1))


def serve():
    """Answer for as long as the sandbox lives."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(ADDRESS)
    listening.listen(8)
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ)
    runs = {}  # by what can be read when a run, or who waits for it, has ended
    while True:
        for key, _ in selector.select():
            if key.fileobj is listening:
                started = accept(listening)
                for each in started[:2]:
                    selector.register(each, selectors.EVENT_READ)
                    runs[each] = started
            elif key.fileobj in runs:
                connection, ended, pid = runs[key.fileobj]
                if key.fileobj is connection:  # nobody waits any more
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with contextlib.suppress(OSError):
                    connection.send(b"%d" % (code if code >= 0 else 128 - code))
                for each in (connection, ended):
                    selector.unregister(each)
                    del runs[each]
                connection.close()
                os.close(ended)


def accept(listening):
    """Start the run that is asked for; give the connection, a pidfd and the process id, or nothing for no request."""
    connection, _ = listening.accept()
    connection.settimeout(5)
    request, streams = None, []
    with contextlib.suppress(OSError, ValueError):
        text, streams, _, _ = socket.recv_fds(connection, MAX_MESSAGE, 3)
        request = json.loads(text)
    if not request or len(streams) != 3:
        connection.close()
        for stream in streams:
            os.close(stream)
        return ()
    pid = os.fork()
    if not pid:
        run(request, streams)
    for stream in streams:
        os.close(stream)
    with contextlib.suppress(OSError):
        connection.send(b"%d" % pid)
    return connection, os.pidfd_open(pid), pid


def run(request, streams):
    """Be the process that was asked for; ends with pytest's exit code."""
    code = 1
    try:
        os.setsid()
        for target, descriptor in enumerate(streams):
            os.dup2(descriptor, target)
        os.closerange(3, 4096)
        os.umask(request["umask"])
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["variables"])
        sys.stdin = sys.__stdin__ = open(0, closefd=False)
        sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)
        sys.stderr = sys.__stderr__ = open(2, "w", closefd=False, errors="backslashreplace")
        code = as_usual(request)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)


def as_usual(request):
    """Run pytest as `python -m pytest` or `pytest` would; give the exit code."""
    import atexit
    import threading

    import pytest

    first = request["folder"] if request["module"] else f"{sys.prefix}/bin"
    sys.path[:0] = [first, *filter(None, request["variables"].get("PYTHONPATH", "").split(":"))]
    program = pytest.__file__.replace("__init__", "__main__") if request["module"] else f"{first}/pytest"
    sys.argv = [program, *request["arguments"]]
    try:
        code = pytest.console_main()
    except SystemExit as end:
        code = end.code
    threading._shutdown()
    atexit._run_exitfuncs()
    return int(code or 0)
