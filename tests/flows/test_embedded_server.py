"""The server that commands without one share: it is found, ends by itself, and leaves nothing."""

import contextlib
import fcntl
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest
from patience import patient

from agenthands.errors import OutsideError
from agenthands.flows.server import embedded
from agenthands.flows.server.embedded import prefect_server, server_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

USE = """
import json, os, sys, time
from pathlib import Path
from agenthands.flows.server.embedded import prefect_server
with prefect_server(Path(sys.argv[1]), 60) as wait:
    wait()
    print(os.environ["PREFECT_API_URL"], flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture(autouse=True)
def _no_api(monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Three commands that begin at once in a home that is not new: the home, the processes, and the folders in it.

    Its database has grown large, and it has folders of two old versions, one with a server that is in use.
    """
    home = tmp_path_factory.mktemp("home")
    old, in_use = (home / "prefect" / name for name in ("2.0.0-old", "3.0.0-in-use"))
    for folder in (old, in_use):
        folder.mkdir(parents=True)
        for name in ("alive", "server.json"):
            (folder / name).touch()
        os.utime(folder / "server.json", (0, 0))
    with (server_folder(home) / "prefect.db").open("wb") as grown:
        grown.truncate(200_000_000)
    with (in_use / "alive").open("w") as alive, ThreadPoolExecutor(3) as threads:
        fcntl.flock(alive, fcntl.LOCK_EX)
        used = list(threads.map(lambda _: _use(home, 3600), range(3)))
        yield home, used, old, in_use
    for each in used:
        each.kill()
        each.wait()
    process = server_of(home)
    (server_folder(home) / "users").unlink()  # as `rm -r` of the home does
    process.wait(20)


@pytest.fixture(scope="module")
def home(begun):
    """A home whose server all tests of this file use, and which is ended with them."""
    return begun[0]


def _use(home, seconds):
    process = subprocess.Popen([sys.executable, "-c", USE, home, str(seconds)], stdout=subprocess.PIPE, text=True)
    process.url = process.stdout.readline().strip()
    assert process.url
    return process


def _end_of_this_process():
    """Let go of all servers, as the kernel does when a process ends."""
    for users in embedded._used.values():
        users.close()
    embedded._used.clear()


def server_of(home):
    """Return the process of the server of a home; None where there is none."""
    folder = str(server_folder(home))
    for process in psutil.process_iter(["cmdline"]):
        if folder in (process.info["cmdline"] or []):
            return process
    return None


@contextlib.contextmanager
def client(seconds=60):
    """Ask the server whose address is set."""
    user, password = os.environ["PREFECT_API_AUTH_STRING"].split(":")
    with httpx.Client(base_url=os.environ["PREFECT_API_URL"], auth=(user, password), timeout=seconds) as asking:
        yield asking


def test_flows_send_heartbeats_to_a_server_of_the_users_alone(home, prefect_api, monkeypatch):
    """Nobody listens to them at the embedded one, and the end of each flow waits for the thread that sends them."""
    from prefect.settings import get_current_settings, temporary_settings

    with prefect_server(home, 60) as wait, wait():
        assert get_current_settings().flows.heartbeat_frequency is None
    monkeypatch.setenv("PREFECT_API_URL", prefect_api["PREFECT_API_URL"])
    with prefect_server(home, 60) as wait, temporary_settings(), wait():
        assert get_current_settings().flows.heartbeat_frequency


@pytest.mark.long
def test_many_writers_at_once_wait_for_each_other(home, tmp_path, monkeypatch):
    """Asked without Prefect's client, which tries again where it reads 503."""
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "__init__.py").write_text("raise ImportError('this is the user's')")
    monkeypatch.chdir(tmp_path)
    with prefect_server(home, 60) as wait:
        wait()
        with client(patient(100)) as asking:
            flow = asking.post("/flows/", json={"name": "many"}).json()["id"]

            def work(number):
                run = asking.post("/flow_runs/", json={"flow_id": flow, "state": {"type": "PENDING"}})
                artifact = asking.post("/artifacts/", json={"key": f"a{number % 4}", "type": "markdown", "data": "x"})
                return run.status_code, artifact.status_code

            with ThreadPoolExecutor(32) as threads:
                answers = list(threads.map(work, range(96)))
    assert set(answers) == {(201, 201)}


def test_commands_of_a_user_share_it_and_nobody_else_may_ask_it(home):
    with ThreadPoolExecutor(3) as threads:
        urls = list(threads.map(lambda _: _use(home, 0).url, range(3)))
    with prefect_server(home, 60) as wait:
        wait()
        assert {*urls} == {os.environ["PREFECT_API_URL"]}
        assert httpx.get(f"{urls[0]}/admin/version").status_code == 401
        with client() as asking:
            assert asking.get("/admin/version").is_success
    assert "PREFECT_API_URL" not in os.environ
    assert "PREFECT_API_AUTH_STRING" not in os.environ


def test_commands_that_begin_at_once_start_one_server_which_outlives_the_one_that_started_it(begun):
    """The first is killed, as by a kernel that has no memory left."""
    home, used, *_ = begun
    assert len({each.url for each in used}) == 1
    server = server_of(home)
    for each in used[:2]:
        each.kill()
        each.wait()
    assert httpx.get(f"{used[2].url}/health").is_success
    assert server.is_running()


def test_a_database_that_has_grown_large_and_folders_of_old_versions_are_removed(begun):
    home, _, old, in_use = begun
    assert (server_folder(home) / "prefect.db").stat().st_size < 50_000_000
    assert not old.exists()
    assert in_use.exists()


def test_it_ends_by_itself_and_runs_of_a_killed_command_with_it(tmp_path, monkeypatch):
    """What the user has set for a server or database of their own is neither read nor touched."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "users-prefect"))
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "postgresql+asyncpg://127.0.0.1:9/prefect")
    (tmp_path / "prefect.toml").write_text("[server.database]\nconnection_url = 'sqlite+aiosqlite:////none/x.db'\n")
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    with prefect_server(home, 0) as wait:
        wait()
        with client() as asking:
            flow = asking.post("/flows/", json={"name": "killed"}).json()["id"]
            for state in ("RUNNING", "PENDING"):
                assert asking.post("/flow_runs/", json={"flow_id": flow, "state": {"type": state}}).is_success
        server = server_of(home)
    _end_of_this_process()
    server.wait(30)
    with prefect_server(home, 0) as wait:
        wait()
        with client() as asking:
            runs = asking.post("/flow_runs/filter", json={}).json()
        second = server_of(home)
    assert [run["state"]["type"] for run in runs] == ["CRASHED", "CRASHED"]
    assert runs[0]["state"]["message"] == "The command that ran it is gone."
    _end_of_this_process()
    second.wait(30)
    assert not list((tmp_path / "users-prefect").glob("*.db*"))


def test_a_server_that_does_not_start_is_named_with_its_last_words(tmp_path):
    (server_folder(tmp_path) / "prefect.db").mkdir()
    with (
        pytest.raises(OutsideError, match=r"does not start: .*unable to open database file") as raised,
        prefect_server(tmp_path, 0) as wait,
    ):
        wait()
    assert str(server_folder(tmp_path) / "server.log") in raised.value.hint
