"""One suite for every sandbox: what gets in, what gets out, and what stays bounded."""

import contextlib
import http.server
import os
import pty
import select
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from gateway_support import short_folder

from agenthands.adapters.egress_proxy import EgressProxy
from agenthands.ports import Command, Limits

MIB = 1024**2

pytestmark = pytest.mark.slow


@pytest.fixture(params=["bubblewrap", "docker"])
def sandbox(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["bubblewrap", "watched_bubblewrap", "docker"])
def bounded(request):
    """Every way in which a whole sandbox is bounded."""
    return request.getfixturevalue(request.param)


def runner(sandbox, workspace):
    def run(*argv, **changes):
        limits = Limits(**{"seconds": 30, **changes.pop("limits", {})})
        return sandbox.run(replace(Command(argv, workspace, limits=limits), **changes))

    return run


@pytest.fixture
def run(sandbox, tmp_path):
    return runner(sandbox, tmp_path)


@pytest.fixture
def run_bounded(bounded, tmp_path):
    """Run in a bounded sandbox, and see that the next run is as if nothing had been."""
    run = runner(bounded, tmp_path)
    yield run
    after = run(*sh("echo fine; ls -A /tmp /dev/shm; ls -d /proc/[0-9]* | wc -l"))
    assert after.stdout.split()[:3] == [b"fine", b"/dev/shm:", b"/tmp:"]
    assert int(after.stdout.split()[-1]) < 10


@pytest.fixture
def marker():
    """A word in the command line of what a test leaves running; at the end nothing has it."""
    word = f"31{uuid.uuid4().int % 10**9}.5"
    yield word
    assert ended(word)


def runs(word):
    return any(word in (process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))


def becomes(state, word, seconds=8):
    deadline = time.monotonic() + seconds
    while runs(word) is not state and time.monotonic() < deadline:
        time.sleep(0.1)
    return runs(word) is state


def ended(word):
    return becomes(False, word)


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


def test_wall_time_is_bounded_and_nothing_stays(run, marker):
    started = time.monotonic()
    result = run(*sh(f"(setsid sleep {marker} &) ; sleep {marker}"), limits={"seconds": 2})
    assert result.timed_out
    assert (result.exit_code, result.ended_by) == (None, "time")
    assert time.monotonic() - started < 20


def test_a_daemon_does_not_outlive_its_command(run, marker):
    assert run(*sh(f"setsid nohup sleep {marker} >/dev/null 2>&1 & echo started")).stdout == b"started\n"


def test_output_is_bounded(run):
    before = psutil.Process().memory_info().rss
    result = run(*sh("yes & yes >&2"), limits={"seconds": 3, "output_bytes": 10_000})
    assert (len(result.stdout), len(result.stderr)) == (10_000, 10_000)
    assert result.truncated
    assert psutil.Process().memory_info().rss - before < 50 * MIB


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


def test_shared_memory_is_bounded(run):
    result = run(*sh("head -c 3M /dev/zero > /dev/shm/a"), limits={"scratch_bytes": MIB})
    assert b"No space left" in result.stderr


def test_processes_of_the_host_are_not_seen(run):
    seen = run(*sh("ls -d /proc/[0-9]* | wc -l; kill -9 -1; echo still")).stdout
    assert int(seen.split()[0]) < 10


def test_a_fork_bomb_is_contained(run_bounded):
    result = run_bounded(*sh("bomb() { bomb | bomb & }; bomb; sleep 30"), limits={"seconds": 4, "processes": 60})
    assert result.ended_by in ("processes", "time")


def test_too_many_processes_are_contained(run_bounded, marker):
    many = f"for i in $(seq 200); do sleep {marker} & done; wait"
    result = run_bounded(*sh(many), limits={"seconds": 6, "processes": 60})
    assert result.exit_code != 0
    assert result.ended_by in ("processes", "time")


def test_memory_of_all_processes_together_is_bounded(run_bounded):
    bomb = """
import os, time
for _ in range(10):
    if not os.fork():
        data = bytearray(os.urandom(4096) * 256 * 60)
        time.sleep(20)
time.sleep(20)
print("held")
"""
    result = run_bounded(*python(bomb), limits={"memory_bytes": 300 * MIB})
    assert b"held" not in result.stdout
    assert result.ended_by == "memory"
    assert result.seconds < 15


def test_a_fork_that_shares_its_memory_is_counted_once(run_bounded):
    shared = """
import os, time
data = bytearray(os.urandom(4096) * 256 * 100)
for _ in range(8):
    if not os.fork():
        time.sleep(1.5)
        os._exit(0)
time.sleep(1.5)
print("held")
"""
    assert run_bounded(*python(shared), limits={"memory_bytes": 400 * MIB}).stdout == b"held\n"


FILLERS = {
    "many files": "i=0; while :; do head -c 1M /dev/zero > f$i; i=$((i + 1)); done",
    "many empty files": "mkdir d; cd d; i=0; while :; do touch $i.{1..500}; i=$((i + 1)); done",
    "deleted files": "for i in {10..500}; do eval exec $i'>f'; head -c 1M /dev/zero >&$i; rm f; done; sleep 30",
    "a deep folder": "while :; do mkdir dddddddddddddddddddd; cd dddddddddddddddddddd; head -c 1M /dev/zero > f; done",
}


@pytest.mark.parametrize("text", FILLERS.values(), ids=FILLERS)
def test_the_workspace_is_bounded(bounded, tmp_path, text):
    run = runner(bounded, tmp_path)
    result = run(*sh(text), limits={"disk_bytes": 30 * MIB, "seconds": 20})
    assert result.ended_by == "disk"
    (tmp_path / "next").mkdir()
    assert runner(bounded, tmp_path / "next")(*sh("echo x > y; cat y")).stdout == b"x\n"


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
    assert process.wait(10) != 0


class Terminal:
    """A shell on a terminal of its own, as OpenHands opens it."""

    def __init__(self, program):
        self.master, slave = pty.openpty()
        variables = {"PS1": "$? ready> ", "PS2": "", "PATH": "/usr/bin:/bin", "TERM": "xterm"}
        self.process = subprocess.Popen([program, "-i"], stdin=slave, stdout=slave, stderr=slave, env=variables,
                                        start_new_session=True)  # fmt: skip
        os.close(slave)
        self.seen = b""

    def until(self, text, seconds=15):
        """Read until `text` comes, and give all that came before."""
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            ready = select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))[0]
            assert ready, f"{text} did not come: {self.seen}"
            self.seen += os.read(self.master, 4096)
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, text):
        os.write(self.master, text)


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
        time.sleep(1)
        terminal.type(b"\x03")
        terminal.until(b"130 ready> ")
        terminal.type(b"exit 3\n")
        terminal.until(b"0 ready> ")
        (workspace / "from-outside").write_text("the editor's\n")
        terminal.type(b"echo more >> from-outside; wc -l from-outside\n")
        terminal.until(b"2 from-outside")
        terminal.type(b"sleep %s &\n" % marker.encode())
        terminal.until(b"0 ready> ")
    finally:
        shell.close()
        assert terminal.process.wait(10) != 0
        os.close(terminal.master)


def test_a_lost_sandbox_is_an_error_not_a_result(sandbox, tmp_path):
    from agenthands.errors import SandboxLost

    with pytest.raises(SandboxLost):
        sandbox.run(Command(["/bin/true"], tmp_path, read_only=[Path("/no/such/folder")]))


@pytest.fixture
def web():
    """A server on this machine's loopback, which no sandbox reaches by itself."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"the answer")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def model():
    """A model gateway that always says the same."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nthe model"
    with short_folder() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "m"))
        server.listen()

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client:
                        client.recv(65536)
                        client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield folder / "m"
        server.shutdown(socket.SHUT_RDWR)


ASK = """
import os, sys, urllib.request
def ask(url, proxy):
    request = urllib.request.Request(url)
    if proxy:  # by hand: NO_PROXY names this address
        request.set_proxy(proxy.removeprefix("http://"), "http")
    try:
        return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10).read().decode()
    except OSError as error:
        return type(error).__name__ + str(getattr(error, "code", ""))
print(ask(os.environ.get("AGENTHANDS_MODEL_URL", "http://127.0.0.1:8765"), None))
for port in sys.argv[1:]:
    print(ask(f"http://127.0.0.1:{port}/", os.environ.get("HTTP_PROXY", "http://127.0.0.1:8766")))
    print(ask(f"http://127.0.0.1:{port}/", None))
"""


@pytest.mark.parametrize(("network", "answers"), [
    ("none", ["URLError", "URLError", "URLError", "URLError", "URLError"]),
    ("model", ["the model", "URLError", "URLError", "URLError", "URLError"]),
    ("egress", ["the model", "the answer", "URLError", "HTTPError403", "URLError"]),
])  # fmt: skip
def test_the_network_policy_decides_what_is_reached(run, web, model, network, answers):
    with short_folder() as folder, EgressProxy([f"127.0.0.1:{web}"]).open(folder / "e") as egress:
        sockets = {"model_socket": model, "egress_socket": egress}
        result = run(*python(ASK), str(web), str(web + 1), network=network, **sockets)
    assert result.stdout.decode().splitlines() == answers, result.stderr


def test_the_models_address_is_told_in_variables(run, model):
    variables = {"BASE": "{model_url}", "OTHER": "{x}"}
    result = run(*sh("echo $BASE $OTHER; exit 3"), network="model", model_socket=model, variables=variables)
    assert (result.exit_code, result.stdout) == (3, b"http://127.0.0.1:8765/v1 {x}\n")
