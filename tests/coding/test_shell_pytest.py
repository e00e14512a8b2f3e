"""pytest in a coding agent's shell: a fork of an interpreter that has NAT imported, and as if it were a new one."""

import os
import time
from pathlib import Path

import psutil
import pytest
from patience import patient
from terminal_support import Terminal

from agenthands.coding.tool_coder import shell_command

pytestmark = pytest.mark.slow
TEST = """import os, sys, pytest, time
from nat.builder.function_info import FunctionInfo
def test_passes(): assert sys.stdin is not None
def test_fails(): assert {"a": 1} == {"a": 2}
def test_slow():
    if os.environ.get("SLOW"):
        open("running", "w").write(str(os.getpid()))
        time.sleep(60)
"""


@pytest.fixture
def terminal(bubblewrap, nat_environment, tmp_path):
    workspace = tmp_path / "workspace"
    (workspace / "tests").mkdir(parents=True)
    (workspace / "tests" / "test_it.py").write_text(TEST)
    shell = bubblewrap.shell(shell_command(workspace, nat_environment, []), tmp_path / "control")
    terminal = Terminal(shell.path)
    terminal.workspace = workspace
    terminal.until(b"0 ready> ")
    yield terminal
    shell.close()
    terminal.process.wait(patient(60))
    os.close(terminal.master)


def served(terminal):
    """Wait until pytest is served in the shell."""
    deadline = time.monotonic() + patient(60)
    while time.monotonic() < deadline:
        terminal.type(b"grep -c agenthands-pytest /proc/net/unix\n")
        if b"\r\n0\r\n" not in terminal.until(b" ready> "):
            return
        time.sleep(0.2)
    raise AssertionError("no server has entered")


def said(terminal, text, end=b" ready> "):
    """Type a line; give what was said, and the exit code that the prompt shows."""
    terminal.type(text.encode() + b"\n")
    *lines, code = terminal.until(end).decode().replace("\r\n", "\n").split("\n")
    return "\n".join(lines[1:]), int(code)


def without_times(text):
    return [line.split(" in ")[0] for line in text.splitlines() if "warning" not in line and "Warning" not in line]


ASKED = [
    "python -m pytest -q -p no:warnings tests",
    "pytest -q tests/test_it.py::test_passes | cat",
    "pytest --co -q",
    "python -m pytest nothing",
    "pytest -x --zzz",
]


def test_it_says_what_a_new_interpreter_says(terminal):
    served(terminal)
    for command in ASKED:
        text, code = said(terminal, command)
        # a variable of Python asks for a new interpreter
        expected, expected_code = said(terminal, f"PYTHONHASHSEED=0 {command}")
        assert code == expected_code, command
        assert without_times(text) == without_times(expected), command


def test_a_run_starts_from_new(terminal):
    served(terminal)
    (terminal.workspace / "tests" / "test_count.py").write_text(
        "from tool import count\ndef test(): assert count == 1\n"
    )
    for count, code in ((1, 0), (2, 1), (1, 0)):
        (terminal.workspace / "tool.py").write_text(f"count = {count}\n")
        assert said(terminal, "python -m pytest -q tests/test_count.py")[1] == code


@pytest.mark.parametrize(("ends", "code"), [(b"\x03", 2), (b"pkill -9 -f 'm pytest'\n", 137)])
def test_a_run_that_is_ended_leaves_nothing(terminal, ends, code):
    served(terminal)
    background = b" &" if code == 137 else b""
    terminal.type(b"SLOW=1 python -m pytest -q tests -k slow" + background + b"\n")
    running = terminal.workspace / "running"
    deadline = time.monotonic() + patient(30)
    while not (running.exists() and running.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    inside = int(running.read_text())
    assert ours(inside)
    terminal.type(ends)
    if not background:
        terminal.until(b"%d ready> " % code)
    deadline = time.monotonic() + patient(60)
    while ours(inside) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not ours(inside)


def ours(inside):
    """Return the processes below this one with that id in the sandbox's own counting."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            with Path(f"/proc/{process.pid}/status").open() as status:
                ids = next(line for line in status if line.startswith("NSpid")).split()
        except (OSError, StopIteration):
            continue
        if len(ids) > 2 and int(ids[-1]) == inside and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def test_without_a_server_pytest_runs_as_usual(terminal):
    served(terminal)
    assert said(terminal, "python -m pytest -q tests -k passes")[1] == 0
    terminal.type(b"exit\n")
    terminal.until(b"0 ready> ")
    assert said(terminal, "grep -c agenthands-pytest /proc/net/unix") == ("0", 1)
    text, code = said(terminal, "python -m pytest -q tests -k passes")
    assert code == 0
    assert "1 passed" in text
