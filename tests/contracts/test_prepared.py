"""A fork of a prepared interpreter enters a bubblewrap sandbox: what it brings along, and what where it cannot.

That it is as walled in as a command of its own, all other suites of sandboxes show: they run so as well.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest
from patience import patient
from terminal_support import Terminal

from agenthands.gate.harness import preparation_source
from agenthands.sandbox.base import Command, Limits, Preparation
from agenthands.sandbox.forkserver.client import CannotEnterError, ForkServer

pytestmark = pytest.mark.slow
PYTHON = os.path.realpath(sys.executable)


@pytest.fixture
def run(bubblewrap, tmp_path):
    def run(code, preparation="", seconds=20, **changes):
        prepared = Preparation(preparation or "pass", {"MARK": "1"})
        command = Command([PYTHON, "-P", "-c", code], tmp_path, prepared=prepared, **changes)
        return bubblewrap.run(command)

    return run


def servers(parent=None):
    """Return the prepared interpreters below a process."""
    below = psutil.Process(parent).children(recursive=True)
    found = []
    for each in below:
        with contextlib.suppress(psutil.Error):  # it may end meanwhile
            if any("forkserver/server_script" in word for word in each.cmdline()):
                found.append(each)
    return found


def test_a_preparation_is_made_once_and_nothing_of_one_command_meets_the_next(run):
    made = f"import os, time; made, seen = time.time_ns(), []  # {os.getpid()} {time.time_ns()}"
    code = "seen.append(1); print(made, len(seen), os.environ.get('COLOUR'), os.environ.get('MARK'))"
    first = run(code, made, variables={"COLOUR": "blue"}).stdout.split()
    second = run(code, made).stdout.split()
    assert first[0] == second[0]
    assert first[1:] == [b"1", b"blue", b"None"]
    assert second[1:] == [b"1", b"None", b"None"]


def test_input_output_and_exit_code_are_as_of_a_command_of_its_own(run):
    result = run("import sys; sys.stderr.write(sys.stdin.read().upper()); print('out'); sys.exit(7)", stdin=b"in")
    assert (result.exit_code, result.stdout, result.stderr) == (7, b"out\n", b"IN")
    result = run("raise ValueError('no')")
    assert result.exit_code == 1
    assert result.stderr.endswith(b"ValueError: no\n")
    assert run("import os, signal; os.kill(os.getpid(), signal.SIGTERM)").exit_code == 128 + signal.SIGTERM
    assert run("import time; time.sleep(60)", limits=Limits(seconds=patient(2))).timed_out


def test_no_file_and_no_memory_of_the_outside_comes_along(run, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "canary-" + "key")
    code = """
import os, re
def is_open(number):
    try:
        return bool(os.fstat(number))
    except OSError:
        return False
print([os.readlink(f"/proc/self/fd/{each}").split(":")[0] for each in range(2000) if is_open(each)])
word, found = re.compile(b"canary[-]key"), 0
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps:
        low, high, rights = re.match("(.*?)-(.*?) (....)", line).groups()
        if rights[0] == "r" and "[v" not in line:
            memory.seek(int(low, 16))
            found += len(word.findall(memory.read(int(high, 16) - int(low, 16))))
        if rights[1] + rights[3] == "ws":
            print("shared", line)
print(found)
for name in ("environ", "mem", "cwd", *(f"fd/{number}" for number in range(20))):
    try:
        print("open", os.open(f"/proc/{os.getppid()}/{name}", os.O_RDONLY))
    except OSError:
        pass
"""
    result = run(code)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.decode().splitlines()
    assert lines[0] == "['pipe', 'pipe', 'pipe']"
    assert not [line for line in lines[1:] if line.startswith(("shared", "open"))]
    assert [line for line in lines if line.isdigit()] == ["0"]
    told = run(code, variables={"TOLD": "canary-" + "key"}).stdout.decode().splitlines()
    assert int(next(line for line in told if line.isdigit())) > 0


def test_the_file_that_was_executed_is_not_the_hosts(run):
    # a program may change the mode of a file of its user's, through /proc on whatever mount it was executed
    before = Path(PYTHON).stat()
    result = run("import os; print(os.stat('/proc/self/exe').st_ino); os.chmod('/proc/self/exe', 0o755)")
    assert result.exit_code == 0, result.stderr
    assert int(result.stdout) != before.st_ino
    assert Path(PYTHON).stat().st_ctime_ns == before.st_ctime_ns


def test_what_lies_above_the_preparations_folder_is_not_run(nat_environment, tmp_path, monkeypatch):
    made = tmp_path / "made"
    (tmp_path / "conftest.py").write_text(f"open({str(made)!r}, 'w')\n")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    interpreter = ForkServer(str(nat_environment.python), {"PATH": "/usr/bin:/bin"}, preparation_source({}, []))
    with Path(os.devnull).open("r+b") as null:
        interpreter.enter({"process": os.getpid(), "word": "none of this process"}, [null.fileno()] * 4)
    assert not made.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["conftest.py"]


def test_a_preparation_that_fails_is_left_out(run):
    result = run("print('by itself', 'made' in globals())", "made = 1; raise ValueError(made)")
    assert (result.exit_code, result.stdout) == (0, b"by itself False\n")


def test_a_command_does_not_pay_for_the_preparation(run):
    seconds = patient(2)
    slow = f"import time; made = time.sleep({2 * seconds})  # {time.time_ns()}"
    result = run("print('by itself', 'made' in globals())", slow, limits=Limits(seconds=seconds))
    assert (result.exit_code, result.stdout) == (0, b"by itself False\n")


def test_an_interpreter_that_has_ended_is_started_again(run):
    preparation = f"made = {time.time_ns()}"
    assert run("print(made)", preparation).exit_code == 0
    for server in servers():
        server.kill()
    assert run("print(made)", preparation).exit_code == 0


def test_a_sandbox_may_end_while_it_is_entered(bubblewrap, run, tmp_path):
    preparation = f"made = {time.time_ns()}"
    command = Command([PYTHON, "-P", "-c", "input()"], tmp_path, prepared=Preparation(preparation, {"MARK": "1"}))
    for number in range(30):
        shell = bubblewrap.shell(command, tmp_path / str(number))
        terminal = Terminal(shell.path)
        time.sleep(number * 0.01)
        shell.close()
        terminal.process.wait(patient(60))
        os.close(terminal.master)
    assert run("print(made)", preparation).exit_code == 0


def test_many_at_once(run):
    results = []
    threads = [
        threading.Thread(target=lambda number=number: results.append(run(f"print({number})").stdout))
        for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, results)) == list(range(12))


def test_nothing_enters_a_process_that_is_in_no_sandbox(tmp_path):
    interpreter = ForkServer(PYTHON, {"PATH": "/usr/bin:/bin"}, "pass")
    word = f"--word-{os.getpid()}"
    outside = subprocess.Popen([PYTHON, "-c", "input()", word], stdin=subprocess.PIPE)
    request = {"process": outside.pid, "word": word, "cgroups": [], "folder": "/", "variables": {}, "limits": {},
               "code": f"open({str(tmp_path / 'made')!r}, 'w')"}  # fmt: skip
    with Path(os.devnull).open("r+b") as null:
        descriptors = [null.fileno()] * 4
        interpreter.enter({**request, "word": "another"}, descriptors)  # as if another process had the id by now
        with pytest.raises(CannotEnterError, match="in no sandbox"):
            interpreter.enter(request, descriptors)
        interpreter.enter({**request, "word": "another"}, descriptors)  # one failure says nothing about the next
        for _ in range(3):
            with pytest.raises(CannotEnterError, match="in no sandbox"):
                interpreter.enter(request, descriptors)
        with pytest.raises(CannotEnterError, match="in no sandbox"):  # three in a row do
            interpreter.enter({**request, "word": "another"}, descriptors)
    outside.communicate(b"\n")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_the_process_that_has_started_it(tmp_path, end):
    program = f"""
import sys
from pathlib import Path
from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agenthands.sandbox.base import Command, Preparation
command = Command([{PYTHON!r}, "-P", "-c", "print(made)"], Path({str(tmp_path)!r}), prepared=Preparation("made = 1"))
assert BubblewrapSandbox().run(command).stdout == b"1\\n"
print("ran", flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               cwd=Path(__file__).parents[2])  # fmt: skip
    assert process.stdout.readline() == b"ran\n"
    (server,) = servers(process.pid)
    process.send_signal(end)
    process.wait()
    psutil.wait_procs([server], timeout=patient(10))
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
