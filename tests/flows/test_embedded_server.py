"""The server that a command starts for itself, on SQLite."""

import os
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from patience import patient

from agenthands.flows.server.embedded import prefect_server

pytestmark = pytest.mark.slow


def test_flows_send_heartbeats_to_a_server_of_the_users_alone(monkeypatch):
    """Nobody listens to them at the embedded one, and the end of each flow waits for the thread that sends them."""
    from prefect.settings import get_current_settings

    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with prefect_server() as wait, wait():
        assert get_current_settings().flows.heartbeat_frequency is None
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with prefect_server() as wait, wait():
        assert get_current_settings().flows.heartbeat_frequency


@pytest.mark.long
def test_many_writers_at_once_wait_for_each_other(tmp_path, monkeypatch):
    """Asked without Prefect's client, which tries again where it reads 503."""
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "__init__.py").write_text("raise ImportError('this is the user's')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with prefect_server() as wait:
        wait()
        with httpx.Client(base_url=os.environ["PREFECT_API_URL"], timeout=patient(100)) as client:
            flow = client.post("/flows/", json={"name": "many"}).json()["id"]

            def work(number):
                run = client.post("/flow_runs/", json={"flow_id": flow, "state": {"type": "PENDING"}})
                artifact = client.post("/artifacts/", json={"key": f"a{number % 4}", "type": "markdown", "data": "x"})
                return run.status_code, artifact.status_code

            with ThreadPoolExecutor(32) as threads:
                answers = list(threads.map(work, range(96)))
    assert set(answers) == {(201, 201)}
