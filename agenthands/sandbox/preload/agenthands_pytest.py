"""Runs pytest in forks of an interpreter that has already imported NAT and pytest: the server and its client.

Both are in the same sandbox, with the same rights. The server listens on an abstract socket, which belongs to the
sandbox's network namespace. One message requests a run, together with the three standard streams:

    {"arguments": [...], "module": bool, "folder": path, "variables": {...}, "umask": int}

The server answers with the process id of the run, and later with its exit code. It kills a run whose client has gone.
If there is no server, or if the run needs a new interpreter because of Python's variables, pytest runs as usual.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import sys

ADDRESS = "\0agenthands-pytest"
STARTED_WITH = {"PYTHONDONTWRITEBYTECODE": "1"}  # Python's variables, other than PYTHONPATH
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
MAX_MESSAGE = 1024 * 1024


def hand_over(arguments, module):
    """Have the server do this run, and exit with its exit code; return if a new interpreter must do the run."""
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
    """Serve requests until the sandbox ends."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(ADDRESS)
    listening.listen(8)
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ)
    runs = {}  # by what becomes readable when a run or its client has ended
    while True:
        for key, _ in selector.select():
            if key.fileobj is listening:
                started = accept(listening)
                for each in started[:2]:
                    selector.register(each, selectors.EVENT_READ)
                    runs[each] = started
            elif key.fileobj in runs:
                connection, ended, pid = runs[key.fileobj]
                if key.fileobj is connection:  # its client has gone
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
    """Start the requested run; return its connection, pidfd and process id, or () if there is no valid request."""
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
    """Become the requested process: run pytest, and exit with its exit code."""
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
    """Run pytest as `python -m pytest` or `pytest` would, and return its exit code."""
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
