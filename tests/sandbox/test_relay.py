"""The relay as the sandbox runs it: a process of its own, real TCP on loopback, real Unix sockets."""

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from gateway_support import opened, register, short_folder
from patience import patient

from agenthands.llm.litellm_setup import load_litellm

pytestmark = pytest.mark.timeout(60)
RELAY = Path(__file__).parents[2] / "agenthands" / "sandbox" / "relay_script.py"
ASK = """
import json, sys, urllib.request
url, token = sys.argv[1:]
body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "stream": True}).encode()
request = urllib.request.Request(url + "/v1/chat/completions", body, {"Authorization": "Bearer " + token})
sys.stdout.buffer.write(urllib.request.urlopen(request, timeout=20).read())
sys.exit(7)
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def relay(socket_path, port, *argv):
    """Run the relay to its end, with no environment and isolated, as the sandbox does."""
    command = [sys.executable, "-I", str(RELAY), str(socket_path), str(port), "--", *argv]
    return subprocess.run(command, capture_output=True, timeout=patient(30), env={}, check=False)


def python(code, *arguments):
    return [sys.executable, "-c", code, *map(str, arguments)]


def test_a_program_asks_the_gateway_through_tcp():
    load_litellm()
    register()
    port = free_port()
    with opened() as gateway:
        result = relay(gateway.socket, port, *python(ASK, f"http://127.0.0.1:{port}", gateway.token))
    assert result.returncode == 7, result.stderr
    events = result.stdout.decode().split("\n\n")
    assert json.loads(events[0].removeprefix("data: "))["choices"][0]["delta"]["content"] == "Hello."
    assert gateway.usage.requests == 1


@pytest.fixture
def answer_after_the_end():
    """Serve on a Unix socket: read until the client ends its side, then answer with all that came."""
    with short_folder() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s"))
        server.listen()

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, connection.makefile("rwb") as stream:
                    stream.write(stream.read())

        threading.Thread(target=serve, daemon=True).start()
        yield folder / "s"
        server.shutdown(socket.SHUT_RDWR)


def test_bytes_pass_whole_and_one_side_may_end_before_the_other(answer_after_the_end):
    code = """
import os, socket, sys
data = os.urandom(3_000_000)
for _ in range(3):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").read() == data
"""
    port = free_port()
    result = relay(answer_after_the_end, port, *python(code, port))
    assert (result.returncode, result.stderr) == (0, b"")


def test_a_gateway_that_is_gone_closes_the_connection():
    code = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10) as connection:
    sys.exit(9 if connection.recv(1) == b"" else 1)
"""
    port = free_port()
    result = relay("/nonexistent/model.sock", port, *python(code, port))
    assert result.returncode == 9
    assert b"/nonexistent/model.sock: No such file" in result.stderr


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["/bin/sh", "-c", "exit 3"], 3),
        (["/bin/sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL),
        (["/nonexistent/program"], 127),
        (["/etc/passwd"], 126),
    ],
)
def test_the_exit_code_is_the_programs(argv, code):
    assert relay("/nonexistent", free_port(), *argv).returncode == code


def test_a_port_in_use_is_told_and_starts_nothing():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = relay("/nonexistent", taken.getsockname()[1], "/bin/echo", "started")
    assert (result.returncode, result.stdout) == (125, b"")
    assert b"address already in use" in result.stderr.lower()


def test_two_sockets_are_two_ports(answer_after_the_end):
    code = """
import socket, sys
for port, text in (sys.argv[1], b"same"), (sys.argv[2], b""):
    with socket.create_connection(("127.0.0.1", int(port)), 10) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").read() == text
"""
    one, two = free_port(), free_port()
    command = [sys.executable, "-I", str(RELAY), str(answer_after_the_end), str(one), "/nonexistent", str(two), "--"]
    result = subprocess.run([*command, *python(code, one, two)], capture_output=True, timeout=patient(30), check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("arguments", [
    [], ["s", "1"], ["s", "port", "--", "true"], ["s", "1", "x", "true"], ["s", "1", "t", "--", "true"], ["--", "true"],
    ["s", "1", "--"],
])  # fmt: skip
def test_wrong_arguments(arguments):
    result = subprocess.run(
        [sys.executable, str(RELAY), *arguments], capture_output=True, timeout=patient(20), check=False
    )
    assert result.returncode == 2
    assert b"usage:" in result.stderr


def test_a_signal_reaches_the_program():
    wait = "for turn in 1 2 3 4 5 6 7 8 9; do sleep 1 & wait $!; done"  # bounded: nothing stays if the relay fails
    program = ["/bin/sh", "-c", f'trap "echo ended; exit 5" TERM; echo ready; {wait}']
    command = [sys.executable, "-I", str(RELAY), "/nonexistent", str(free_port()), "--", *program]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        assert process.stdout.read() == b"ended\n"
        assert process.wait(patient(10)) == 5
