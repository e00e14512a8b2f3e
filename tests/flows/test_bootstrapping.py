"""A Prefect server that was prepared: pool, limit, both deployments, their run forms, and an end for dead runs."""

import subprocess
from pathlib import Path

import httpx
import psutil
import pytest
from scripted_server import serve_script
from served_support import BIN, serve, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("served")) as served:
        yield served


def bootstrap(served, *options):
    command = [str(ROOT / "deployments" / "bootstrap"), *options]
    done = subprocess.run(command, env=served.variables, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def get(served, path):
    return httpx.get(f"{served.url}/{path}", timeout=20).json()


def test_bootstrap_can_run_again(served):
    first, second = bootstrap(served, "--models", "3"), bootstrap(served, "--models", "4", "--runs", "5")
    assert "work pool agenthands: made, of type process" in first
    assert "work pool agenthands: is there, of type process" in second
    assert "limit agenthands-models: 3 steps" in first
    assert "limit agenthands-models: 4 steps" in second
    assert get(served, "work_pools/agenthands")["concurrency_limit"] == 5
    assert get(served, "v2/concurrency_limits/tag:agenthands-models")["limit"] == 4
    automations = httpx.post(f"{served.url}/automations/filter", json={}, timeout=20).json()
    assert len(automations) == 1
    nightly = get(served, "deployments/name/build-batch/nightly")
    assert nightly["work_pool_name"] == "agenthands"
    assert nightly["parameters"]["deployment"] == "build-agent/default"
    assert [schedule["active"] for schedule in nightly["schedules"]] == [False]


def test_a_pool_of_another_type_is_refused(served):
    command = [BIN / "python", "-m", "flows.bootstrapping", "--type", "docker"]
    done = subprocess.run(command, env=served.variables, capture_output=True, text=True, timeout=100, cwd=ROOT)
    assert done.returncode == 1
    assert "is of type process, not docker" in done.stderr


@pytest.mark.parametrize(("deployment", "parameters"), [
    ("build-agent/default", {}),
    ("build-agent/default", {"request": ""}),
    ("build-agent/default", {"request": "x", "options": {"budget": -1}}),
    ("build-agent/default", {"request": "x", "options": {"sandbox": "none"}}),
    ("build-batch/nightly", {"source": "x", "builds_at_once": 0}),
])  # fmt: skip
def test_a_wrong_parameter_is_refused_before_a_run_starts(served, deployment, parameters):
    url = f"{served.url}/deployments/{served.deployment(deployment)}/create_flow_run"
    answer = httpx.post(url, json={"parameters": parameters}, timeout=20)
    assert answer.status_code == 409, answer.text
    assert "Validation failed" in answer.text


def test_each_field_of_the_run_form_says_what_it_is(served):
    for name in ("build-agent/default", "build-batch/nightly"):
        schema = get(served, f"deployments/name/{name}")["parameter_openapi_schema"]
        for field, described in schema["properties"].items():
            if field != "options":
                assert described["description"], field  # the title of a parameter is its name, Prefect says
        options = schema["definitions"]["BuildOptions"]["properties"]
        assert all(each["title"] and each["description"] for each in options.values())


def test_a_run_whose_machine_died_does_not_stay_running(tmp_path):
    with (
        serve_script("data-report", latency=600) as model,
        serve(tmp_path, PREFECT_FLOWS_HEARTBEAT_FREQUENCY="30") as served,
    ):
        command = [BIN / "python", "-m", "flows.bootstrapping", "--silence", "40"]
        subprocess.run(command, env=served.variables, check=True, capture_output=True, timeout=100, cwd=ROOT)
        options = {"planner": "openai/scripted", "api_base": model.url}
        url = f"{served.url}/deployments/{served.deployment('build-agent/default')}/create_flow_run"
        run = httpx.post(url, json={"parameters": {"request": "a report", "options": options}}, timeout=20).json()
        until(lambda: model.count("plan"), 200)
        family = psutil.Process(served.pid).children(recursive=True)
        alive = [each for each in family if "prefect server" in " ".join(each.cmdline())]
        alive += [child for each in alive for child in each.children(recursive=True)]
        for each in [psutil.Process(served.pid), *family]:
            if each not in alive:
                each.kill()
        try:
            assert until(lambda: get(served, f"flow_runs/{run['id']}")["state"]["type"] == "CRASHED", 240)
        finally:
            for each in alive:
                each.kill()


def test_a_worker_of_the_pool_takes_a_run(served):
    bootstrap(served)
    command = [BIN / "prefect", "worker", "start", "--pool", "agenthands", "--limit", "2"]
    with serve_script("data-report") as model, subprocess.Popen(command, env=served.variables) as worker:
        options = {"planner": "openai/scripted", "api_base": model.url}
        url = f"{served.url}/deployments/{served.deployment('build-agent/default')}/create_flow_run"
        run = httpx.post(url, json={"parameters": {"request": "a report", "options": options}}, timeout=20).json()
        try:
            state = until(lambda: ended(served, run["id"]), 300)
        finally:
            worker.terminate()
    assert state["name"] == "Accepted"
    assert get(served, f"flow_runs/{run['id']}")["name"] == "a report"


def ended(served, run):
    state = get(served, f"flow_runs/{run}")["state"]
    return state if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None
