"""One suite for every sandbox: its shell, as a coding agent's terminal."""

import contextlib
import os
import subprocess
import sys

import psutil
import pytest
from patience import patient
from sandbox_support import becomes
from terminal_support import Terminal

from agenthands.sandbox.base import Command

pytestmark = pytest.mark.slow


def test_a_shell_takes_commands_and_ends(sandbox, tmp_path, marker):
    folder = tmp_path / "control"
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    shell = sandbox.shell(Command((), workspace, variables={"COLOUR": "blue"}), folder)
    process = subprocess.Popen(
        [shell.path],
        env={"GEMINI_API_KEY": "canary-key"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    process.stdin.write(
        f"echo $COLOUR $PWD; cat /proc/*/environ | grep -ac canary; touch made; sleep {marker} &\necho ready\n"
    )
    process.stdin.flush()
    lines = [process.stdout.readline().strip() for _ in range(3)]
    assert lines == [f"blue {workspace}", "0", "ready"]
    assert (workspace / "made").is_file()
    assert becomes(True, marker)
    shell.close()
    assert process.wait(patient(10)) != 0


def test_a_shell_is_a_terminal_that_comes_back_after_exit(sandbox, tmp_path, marker):
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    shell = sandbox.shell(Command((), workspace), tmp_path / "control")
    terminal = Terminal(shell.path)
    try:
        terminal.until(b"0 ready> ")
        terminal.type(b"test -t 0 && tty; echo '1\n2' | cat > f; cat f\n")
        terminal.until(b"0 ready> ")
        terminal.type(b"sleep %s\n" % marker.encode())
        assert becomes(True, marker)
        terminal.type(b"\x03")
        terminal.until(b"130 ready> ")
        terminal.type(b"exit 3\n")
        assert b"exit code 3" in terminal.until(b"3 ready> ")
        (workspace / "from-outside").write_text("the editor's\n")
        terminal.type(b"echo more >> from-outside; wc -l from-outside\n")
        terminal.until(b"2 from-outside")
        terminal.type(b"sleep %s &\n" % marker.encode())
        terminal.until(b"0 ready> ")
    finally:
        shell.close()
        assert terminal.process.wait(patient(10)) != 0
        os.close(terminal.master)


WORKER = """
import os, sys, time
from pathlib import Path
from terminal_support import Terminal
from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agenthands.sandbox.base import Command
folder, cgroups = sys.argv[1:]
shell = BubblewrapSandbox(cgroups=bool(cgroups)).shell(Command((), Path(folder)), Path(folder + "-control"))
terminal = Terminal(shell.path)
terminal.until(b"0 ready> ")
terminal.type(b"sleep %s\\n" % os.environ["MARKER"].encode())
time.sleep(1000)
"""


@pytest.mark.parametrize("cgroups", ["cgroups", ""], ids=["bounded", "watched"])
def test_a_shell_of_a_killed_worker_ends_with_what_it_runs(bubblewrap, tmp_path, marker, cgroups):
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "MARKER": marker}
    # as nohup begins a worker: the hang-up of its terminals ends nothing then
    argv = ["nohup", sys.executable, "-c", WORKER, str(workspace), cgroups]
    with subprocess.Popen(argv, env=variables, stderr=subprocess.DEVNULL) as worker:
        try:
            assert becomes(True, marker, seconds=60)
            family = psutil.Process(worker.pid).children(recursive=True)
        finally:
            worker.kill()
    assert len(family) > 3, "the shell's program, bwrap, bash, sleep"
    _, alive = psutil.wait_procs(family, timeout=patient(20))
    for each in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    assert alive == []


def test_a_shell_leaves_no_process_behind_whoever_ends_it(watched_bubblewrap, tmp_path, marker):
    before = psutil.Process().children()
    for name in ("closed", "forgotten"):
        workspace = tmp_path / name
        workspace.mkdir()
        shell = watched_bubblewrap.shell(Command((), workspace), tmp_path / f"{name}-control")
        terminal = Terminal(shell.path)
        try:
            terminal.until(b"0 ready> ")
            terminal.type(b"sleep %s\n" % marker.encode())
            assert becomes(True, marker)
            if name == "closed":
                shell.close()
            del shell
            assert terminal.process.wait(patient(10)) != 0
        finally:
            terminal.process.kill()
            os.close(terminal.master)
    assert psutil.Process().children() == before
