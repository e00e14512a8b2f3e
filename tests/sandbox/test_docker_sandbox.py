"""What is docker's own: a daemon that goes away, an image that is missing, containers of dead workers."""

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from gateway_support import short_folder
from patience import patient
from sandbox_support import SHELL_BOUNDS, exceed_in_a_shell

from agenthands.errors import SandboxLost, SandboxUnavailable
from agenthands.sandbox.base import Command
from agenthands.sandbox.docker.container import IMAGE, hand_over
from agenthands.sandbox.docker.sandbox import DockerSandbox
from agenthands.sandbox.docker.streams import Frames

pytestmark = pytest.mark.timeout(120)
ROOT = Path(__file__).parents[2]
DAEMON = "/var/run/docker.sock"


def containers(sandbox, pid=None):
    """All containers of a worker, by its process id."""
    found = sandbox._api.containers(all=True, filters={"label": "agenthands.owner"})
    return [each["Id"] for each in found if each["Labels"]["agenthands.owner"].split()[2] == str(pid or os.getpid())]


def test_the_image_is_the_one_that_the_script_makes():
    digest = hashlib.sha256((ROOT / "deployments" / "sandbox.Dockerfile").read_bytes()).hexdigest()
    assert f"agenthands-sandbox:{digest[:12]}" == IMAGE


def test_without_docker_the_script_for_tests_says_so_loudly_and_does_not_fail(tmp_path):
    for name in ("dirname", "bash", "env"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    script = ROOT / "deployments" / "docker-for-tests.sh"
    said = subprocess.run([script], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True).stderr
    assert "DOCKER SANDBOX WILL BE SKIPPED: docker is not installed" in said


def test_the_setting_chooses_docker_and_its_image(docker, monkeypatch):
    from agenthands.settings import Settings
    from agenthands.tasks.dependencies import sandbox_for

    assert isinstance(sandbox_for(Settings(sandbox="docker")), DockerSandbox)
    assert sandbox_for(Settings(sandbox="docker", sandbox_image="own:1"))._image == "own:1"


def test_frames_in_any_pieces():
    whole = b"\x01\0\0\0\0\0\0\x03abc\x02\0\0\0\0\0\0\x00\x02\0\0\0\0\0\0\x02de"
    for size in range(1, len(whole)):
        frames = Frames()
        pieces = [part for at in range(0, len(whole), size) for part in frames.take(whole[at : at + size])]
        assert b"".join(data for stream, data in pieces if stream == 1) == b"abc"
        assert b"".join(data for stream, data in pieces if stream == 2) == b"de"


def test_a_daemon_that_is_not_there_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    with pytest.raises(SandboxUnavailable) as error:
        DockerSandbox()
    assert "docker" in error.value.hint


def test_an_image_that_is_missing_is_told_with_the_command_that_gets_it(docker, tmp_path, monkeypatch):
    monkeypatch.setattr("agenthands.sandbox.docker.sandbox.IMAGE", "agenthands-sandbox:missing")
    sandbox = DockerSandbox()
    with pytest.raises(SandboxUnavailable) as error:
        sandbox.check()
    assert "deployments/sandbox-image.sh" in error.value.hint
    with pytest.raises(SandboxUnavailable) as error:
        DockerSandbox(image="somebody/image:missing").check()
    assert "docker pull somebody/image:missing" in error.value.hint
    with pytest.raises(SandboxLost, match="missing"):
        sandbox.run(Command(["/bin/true"], tmp_path))


def test_a_container_that_is_taken_away_is_lost(docker, tmp_path):
    def take_away():
        while not (tmp_path / "up").exists():
            time.sleep(0.05)
        for container in containers(docker):
            docker._api.remove_container(container, force=True)

    thread = threading.Thread(target=take_away)
    thread.start()
    with pytest.raises(SandboxLost):
        docker.run(Command(["/bin/bash", "-c", "touch up; sleep 30"], tmp_path))
    thread.join()


@contextlib.contextmanager
def cuttable_daemon():
    """A socket that leads to the daemon until `cut` is called."""
    ends, gone = [], threading.Event()

    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def accept(server):
        with contextlib.suppress(OSError):
            while True:
                near, _ = server.accept()
                far = socket.socket(socket.AF_UNIX)
                if gone.is_set():
                    near.close()
                    continue
                far.connect(DAEMON)
                ends.extend([near, far])
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=copy, args=pair, daemon=True).start()

    def cut():
        gone.set()
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    with short_folder() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "d"))
        server.listen()
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        yield f"unix://{folder}/d", cut
        cut()
        server.shutdown(socket.SHUT_RDWR)


def test_a_daemon_that_goes_away_in_the_middle_is_a_lost_sandbox(docker, tmp_path, monkeypatch):
    with cuttable_daemon() as (address, cut):
        monkeypatch.setenv("DOCKER_HOST", address)
        sandbox = DockerSandbox()

        def wait_and_cut():
            while not (tmp_path / "up").exists():
                time.sleep(0.05)
            cut()

        threading.Thread(target=wait_and_cut).start()
        with pytest.raises(SandboxLost):
            sandbox.run(Command(["/bin/bash", "-c", "touch up; sleep 30"], tmp_path))
    for container in containers(docker):  # nobody could be told to remove it
        docker._api.remove_container(container, force=True)


WORKER = """
import sys
from pathlib import Path
from agenthands.sandbox.docker.sandbox import DockerSandbox
from agenthands.sandbox.base import Command
sandbox = DockerSandbox()
shell = sandbox.shell(Command((), Path(sys.argv[1])), Path(sys.argv[2]))
sandbox.run(Command(["/bin/bash", "-c", "touch up; sleep 100"], Path(sys.argv[1])))
"""


@pytest.fixture
def worker(docker, tmp_path):
    """Another worker with a running command and a shell."""
    (tmp_path / "workspace").mkdir()
    argv = [sys.executable, "-c", WORKER, str(tmp_path / "workspace"), str(tmp_path / "control")]
    with subprocess.Popen(argv, cwd=ROOT) as process:
        while len(containers(docker, process.pid)) < 2 or not (tmp_path / "workspace" / "up").exists():
            time.sleep(0.05)
        yield process
        process.kill()
    docker.check()


def test_what_a_killed_worker_left_is_removed_and_nothing_else(docker, worker):
    docker.check()
    assert len(containers(docker, worker.pid)) == 2
    worker.kill()
    worker.wait()
    docker.check()
    assert containers(docker, worker.pid) == []


def test_an_interrupt_ends_containers_at_once(docker, tmp_path):
    code = WORKER.replace(
        "sandbox = D",
        "import os, threading, time\nfrom agenthands.sandbox.subprocesses import end_all_processes\n"
        "def interrupt():\n    while not (Path(sys.argv[1]) / 'up').exists():\n        time.sleep(0.05)\n"
        "    end_all_processes()\n    os._exit(130)\nthreading.Thread(target=interrupt).start()\nsandbox = D",
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(tmp_path / "control")], cwd=ROOT) as process:
        assert process.wait(patient(30)) == 130
    assert containers(docker, process.pid) == []


@pytest.mark.parametrize(("bound", "text", "limits"), SHELL_BOUNDS)
def test_a_shell_that_exceeds_a_bound_starts_anew_and_is_told(docker, tmp_path, bound, text, limits):
    exceed_in_a_shell(docker, tmp_path, bound, text, limits)
    assert containers(docker) == []


def test_a_shell_that_nobody_closes_leaves_no_container(docker, tmp_path):
    shell = docker.shell(Command((), tmp_path), tmp_path / "control")
    deadline = time.monotonic() + patient(10)
    while not containers(docker) and time.monotonic() < deadline:
        time.sleep(0.05)
    del shell
    assert containers(docker) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can hand over")
def test_handing_over_follows_no_link(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").touch()
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "own").touch()
    (inside / "link").symlink_to(tmp_path / "outside")
    (inside / "file").symlink_to(tmp_path / "outside" / "file")
    hand_over(inside)
    assert (inside / "own").stat().st_uid == 1000
    assert (inside / "link").lstat().st_uid == 1000
    assert [(tmp_path / "outside" / name).stat().st_uid for name in ("", "file")] == [0, 0]
