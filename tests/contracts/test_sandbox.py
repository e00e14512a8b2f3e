"""One suite for every sandbox: what gets in, what gets out, and what stays bounded."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from agenthands.ports import Command, Limits


@pytest.fixture(params=["bubblewrap"])
def sandbox(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def run(sandbox, tmp_path):
    def run(*argv, **changes):
        limits = Limits(**{"seconds": 30, **changes.pop("limits", {})})
        return sandbox.run(replace(Command(argv, tmp_path, limits=limits), **changes))

    return run


def sh(text):
    return ("/bin/bash", "-c", text)


def python(text):
    return (os.path.realpath(sys.executable), "-I", "-c", text)


def test_a_failing_command_is_a_result(run):
    result = run(*sh("echo out; echo err >&2; exit 7"))
    assert (result.exit_code, result.stdout, result.stderr) == (7, b"out\n", b"err\n")


def test_a_missing_command_is_a_result(run):
    assert run("/no/such/program").exit_code == 127


def test_standard_input_and_variables_go_in_and_files_come_out(run, tmp_path):
    result = run(*sh('cat > got; echo "$COLOUR" >> got'), stdin=b"x" * 300_000 + b"\n", variables={"COLOUR": "blue"})
    assert result.exit_code == 0
    assert (tmp_path / "got").read_bytes() == b"x" * 300_000 + b"\nblue\n"


def test_the_workers_variables_stay_out(run, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "canary-key")
    everything = run(*sh("env; cat /proc/*/environ 2>/dev/null")).stdout
    assert b"canary" not in everything
    assert b"PATH=" in everything


def test_not_root_and_no_privileges(run):
    result = run(*sh("id -u; grep -E '^(CapEff|NoNewPrivs)' /proc/self/status"))
    assert result.stdout.split() == [b"1000", b"CapEff:", b"0000000000000000", b"NoNewPrivs:", b"1"]


def test_no_network_not_even_the_hosts_loopback(run):
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        probe = f"import socket; socket.create_connection(('127.0.0.1', {port}), 3)"
        assert run(*python(probe)).exit_code != 0
        assert run(*python("import socket; socket.create_connection(('192.0.2.1', 80), 3)")).exit_code != 0


@pytest.mark.parametrize("path", ["/etc/shadow", "/etc/passwd", "/root/.bashrc", "/home", "/var", "/run", "/usr/local"])
def test_the_hosts_files_are_not_there(run, path):
    assert run(*sh(f"ls -A {path} 2>/dev/null | head -1")).stdout == b""


def test_other_folders_are_not_there_and_the_mounted_ones_cannot_be_written(run, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "data").write_text("somebody's")
    assert run(*sh(f"cat {other}/data")).exit_code != 0
    shown = run(*sh(f"cat {other}/data; echo x > {other}/data; echo x > {other}/more"), read_only=[other])
    assert shown.stdout == b"somebody's"
    assert [path.name for path in other.iterdir()] == ["data"]
    assert (other / "data").read_text() == "somebody's"


def test_the_system_cannot_be_written(run):
    assert run(*sh("touch /usr/bin/x /x /proc/sys/kernel/hostname 2>/dev/null && echo yes")).stdout == b""


def test_wall_time_is_bounded_and_nothing_stays(run):
    started = time.monotonic()
    marker = f"31{os.getpid()}.5"
    result = run(*sh(f"(setsid sleep {marker} &) ; sleep {marker}"), limits={"seconds": 1})
    assert result.timed_out
    assert time.monotonic() - started < 15
    assert not [p for p in psutil.process_iter(["cmdline"]) if marker in (p.info["cmdline"] or [])]


def test_a_daemon_does_not_outlive_its_command(run):
    marker = f"32{os.getpid()}.5"
    assert run(*sh(f"setsid nohup sleep {marker} >/dev/null 2>&1 & echo started")).stdout == b"started\n"
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        alive = [p for p in psutil.process_iter(["cmdline"]) if marker in (p.info["cmdline"] or [])]
        if not alive:
            break
        time.sleep(0.1)
    assert not alive


def test_output_is_bounded(run):
    result = run(*sh("yes"), limits={"seconds": 2, "output_bytes": 10_000})
    assert len(result.stdout) == 10_000
    assert result.truncated


def test_memory_of_a_process_is_bounded(run):
    result = run(*python("x = bytearray(600 * 1024**2)"), limits={"memory_bytes": 400 * 1024**2})
    assert b"MemoryError" in result.stderr


def test_files_are_bounded(run, tmp_path):
    run(*sh("head -c 20M /dev/zero > big; head -c 20M /dev/zero > /tmp/big; ls -l big"), limits={"file_bytes": 1024**2})
    assert (tmp_path / "big").stat().st_size <= 1024**2


def test_scratch_is_bounded_and_empty_at_the_start(run):
    result = run(*sh("head -c 3M /dev/zero > /tmp/a"), limits={"scratch_bytes": 1024**2})
    assert run("/bin/cat", "/tmp/a").exit_code != 0
    assert b"No space left" in result.stderr


def test_processes_of_the_host_are_not_seen(run):
    seen = run(*sh("ls -d /proc/[0-9]* | wc -l; kill -9 -1; echo still")).stdout
    assert int(seen.split()[0]) < 10


def test_a_shell_works_as_a_terminal_and_ends(sandbox, tmp_path):
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
        "echo $COLOUR $PWD; cat /proc/*/environ | grep -ac canary; touch made; sleep 1000 &\necho ready\n"
    )
    process.stdin.flush()
    lines = [process.stdout.readline().strip() for _ in range(3)]
    assert lines == [f"blue {workspace}", "0", "ready"]
    assert (workspace / "made").is_file()
    children = psutil.Process(process.pid).children(recursive=True)
    shell.close()
    assert process.wait(10) != 0
    gone, alive = psutil.wait_procs(children, timeout=10)
    assert gone
    assert not alive


def test_a_lost_sandbox_is_an_error_not_a_result(sandbox, tmp_path):
    from agenthands.errors import SandboxLost

    with pytest.raises(SandboxLost):
        sandbox.run(Command(["/bin/true"], tmp_path, read_only=[Path("/no/such/folder")]))
