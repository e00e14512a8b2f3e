"""`agenthands serve` and a prepared Prefect server: pool, limit, both deployments, their run forms, and the runs of a
worker: one that is cancelled, those of a batch, one whose machine died.

What needs such a server is in this file, for each file that asks for `served` may start one.
"""

import json
import ssl
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from canaries import BASE, BLOCK, ENVIRONMENT, FALLBACK, LITERAL, has_canary, leaks, models_with_keys, written_since
from echoing_server import SPY, echoing_server
from patience import patient
from scripted_server import serve_script
from served_support import BIN, HTTP, bootstrap, serve, until

from agenthands.schemas import BatchReport, BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]


def test_bootstrap_can_run_again(served):
    first, second = bootstrap(served, "--models", "3"), bootstrap(served, "--models", "4", "--runs", "5")
    assert "work pool agenthands: is there, of type process" in first  # `serve` has made it
    assert "limit agenthands-models: 3 steps" in first
    assert "limit agenthands-models: 4 steps" in second
    assert "deployed: build-agent/default" in second
    assert served.get("work_pools/agenthands")["concurrency_limit"] == 5
    assert served.get("v2/concurrency_limits/tag:agenthands-models")["limit"] == 4
    assert len(served.find("automations")) == 2
    nightly = served.get("deployments/name/build-batch/nightly")
    assert nightly["work_pool_name"] == "agenthands"
    assert nightly["parameters"]["deployment"] == "build-agent/default"
    assert [schedule["active"] for schedule in nightly["schedules"]] == [False]


def test_clients_of_the_worker_load_one_certificate(served):
    """A worker keeps clients of many runs for a while, each with all the certificates that it has loaded."""
    family = psutil.Process(served.pid).children(recursive=True)
    worker = next(each for each in family if "worker" in each.cmdline())
    context = ssl.create_default_context(cafile=worker.environ()["PREFECT_API_SSL_CERT_FILE"])
    assert context.cert_store_stats()["x509_ca"] == 1


def test_what_a_person_has_set_of_a_deployment_stays(served):
    nightly = served.get("deployments/name/build-batch/nightly")
    (schedule,) = nightly["schedules"]
    url = f"{served.url}/deployments/{nightly['id']}"
    mine = {**nightly["parameters"], "source": "batches/mine.yaml"}
    assert until(lambda: HTTP.patch(url, json={"parameters": mine}).is_success)  # a busy server says 503
    changed = {"active": True, "schedule": {"cron": "30 4 * * 1", "timezone": "Europe/Berlin"}}
    assert until(lambda: HTTP.patch(f"{url}/schedules/{schedule['id']}", json=changed).is_success)
    try:
        bootstrap(served)
        after = served.get("deployments/name/build-batch/nightly")
        assert after["parameters"] == mine
        (kept,) = after["schedules"]
        assert (kept["active"], kept["slug"], kept["schedule"]["cron"]) == (True, "nightly", "30 4 * * 1")
        assert kept["schedule"]["timezone"] == "Europe/Berlin"
    finally:
        HTTP.patch(f"{url}/schedules/{after['schedules'][0]['id']}", json={"active": False})


def test_a_pool_of_another_type_is_refused(served):
    command = [BIN / "python", "-m", "agenthands.flows.server.bootstrap", "--type", "docker"]
    done = subprocess.run(command, env=served.variables, capture_output=True, text=True, timeout=patient(100), cwd=ROOT)
    assert done.returncode == 1
    assert "is of type process, not docker" in done.stderr


@pytest.mark.parametrize(("deployment", "parameters"), [
    ("build-agent/default", {}),
    ("build-agent/default", {"request": ""}),
    ("build-agent/default", {"request": 7}),
    ("build-agent/default", {"request": "x", "options": {"budget": -1}}),
    ("build-agent/default", {"request": "x", "options": {"sandbox": "none"}}),
    ("build-batch/nightly", {"source": "x", "builds_at_once": 0}),
])  # fmt: skip
def test_a_wrong_parameter_is_refused_before_a_run_starts(served, deployment, parameters):
    url = f"{served.url}/deployments/{served.deployment(deployment)}/create_flow_run"
    answer = HTTP.post(url, json={"parameters": parameters})
    assert answer.status_code == 409, answer.text
    assert "Validation failed" in answer.text


def test_each_field_of_the_run_form_says_what_it_is(served):
    for name in ("build-agent/default", "build-batch/nightly"):
        schema = served.get(f"deployments/name/{name}")["parameter_openapi_schema"]
        for field, described in schema["properties"].items():
            if field != "options":
                assert described["description"], field  # the title of a parameter is its name, Prefect says
        options = schema["definitions"]["BuildOptions"]["properties"]
        assert all(each["title"] and each["description"] for each in options.values())


SECRET = "from prefect.blocks.system import Secret; Secret(value={!r}).save('canary', overwrite=True)"


@pytest.fixture(scope="module")
def run_with_keys(served, tmp_path_factory):
    """Have a run whose keys are in a Secret block, a file and a URL; returns its id and how it ended."""
    command = [BIN / "python", "-c", SECRET.format(BLOCK)]
    subprocess.run(command, env=served.variables, capture_output=True, check=True, timeout=patient(100))
    config = tmp_path_factory.mktemp("config") / "models.toml"

    def run(port):
        config.write_text(models_with_keys(port))
        wanted = {"request": "a report", "options": {"config": str(config)}}
        run = served.run("build-agent/default", wanted)
        return run, until(lambda: served.ended(run), 300)

    return run


def spies(kind, _, message):
    """Have the coder look for keys in its shell where it would read its specification."""
    first = ("terminal", {"command": "cat spec.json"})
    return {**message, "tool_calls": [("terminal", {"command": SPY})]} if first in message["tool_calls"] else message


@pytest.fixture(scope="module")
def accepted(run_with_keys):
    """A run that is accepted: when it began, its id, its last state, and its model."""
    start = time.time()
    with serve_script("data-report") as model:
        model.change = spies
        return start, *run_with_keys(urlsplit(model.url).port), model


def test_the_worker_takes_a_run(served, accepted):
    _, run, state, _ = accepted
    assert state["name"] == "Accepted", state["message"]
    assert served.get(f"flow_runs/{run}")["name"] == "a report"
    assert "build-column_summary" in {each["name"] for each in served.find("flow_runs")}
    build_id = state["message"].split(":")[0]
    (record,) = (served.folder / "store" / "agents" / "data-report").glob(f"{build_id}/build.json")
    assert BuildRecord.model_validate_json(record.read_bytes()).status == "accepted"
    shown = {each["key"].removeprefix("agenthands-"): each for each in served.artifacts(run)}
    assert {"plan", "plan-graph", "tools", "progress", "costs", "result", "gate-column-summary"} <= set(shown)
    (row,) = shown["tools"]["data"]
    assert (row["tool"], row["state"]) == ("column_summary", "accepted")
    assert shown["progress"]["data"] == 100
    assert shown["plan-graph"]["data"].startswith("data:image/svg+xml;base64,")
    assert f"agenthands fetch {build_id}" in shown["result"]["data"]
    assert shown["gate-column-summary"]["task_run_id"]


def test_a_cancelled_run_ends_with_all_it_started_and_publishes_what_it_was(served):
    before = psutil.Process(served.pid).children(recursive=True)
    with serve_script("data-report") as model:
        model.fault = lambda kind, number: time.sleep(600) if kind == "coder" and number > 1 else None  # models hang
        run = served.ask("a report", model)
        until(lambda: model.count("coder") > 1, 200)
        started_since = [each for each in psutil.Process(served.pid).children(recursive=True) if each not in before]
        family = [each for each in started_since if "resource_tracker" not in " ".join(each.cmdline())]  # the runner's
        assert any("--unshare-all" in each.cmdline() for each in family)
        cancel = [BIN / "prefect", "flow-run", "cancel", run]
        subprocess.run(cancel, env=served.variables, check=True, capture_output=True)
        _, alive = psutil.wait_procs(family, timeout=patient(30))
        assert alive == []
        assert until(lambda: served.ended(run))["type"] == "CANCELLED"
    found = (served.folder / "store").glob("agents/*/*/build.json")
    records = [BuildRecord.model_validate_json(each.read_bytes()) for each in found]
    assert [each.plan.name for each in records if each.status == "cancelled"] == ["data-report"]


def test_a_batch_may_be_runs_of_a_deployment(served, tmp_path):
    def poet(kind, messages, message):
        asked = kind == "plan" and "a poem" in json.dumps(messages[1]["content"])
        return {**message, "content": "Roses are red."} if asked else message

    file = tmp_path / "requests.yaml"
    file.write_text("- a report\n- a poem\n")
    code = (
        "import sys; from agenthands.schemas import BuildOptions\n"
        "from agenthands.flows.build_batch import build_batch\n"
        "options = BuildOptions(planner='openai/scripted', api_base=sys.argv[2])\n"
        "print(build_batch(sys.argv[1], options, 2, 'build-agent/default').model_dump_json())"
    )
    with serve_script("data-report") as model:
        model.change = poet
        command = [sys.executable, "-c", code, str(file), model.url]
        done = subprocess.run(command, env=served.variables, capture_output=True, text=True, timeout=patient(400))
    report = BatchReport.model_validate_json(done.stdout.splitlines()[-1])
    assert [(item.status, item.exit_code) for item in report.builds] == [("accepted", 0), ("failed", 3)]
    assert "gave no plan" in report.builds[1].reason
    names = Counter(run["state_name"] for run in served.find("flow_runs") if "batch" in run["tags"])
    assert names == {"Accepted": 1, "Plan refused": 1}
    (whole,) = served.find("flow_runs", flows={"name": {"any_": ["build-batch"]}})
    assert (whole["state_type"], whole["state_name"]) == ("COMPLETED", "Incomplete")


def test_no_key_of_a_worker_is_in_anything_that_its_runs_write(served, accepted, run_with_keys):
    start, _, _, model = accepted
    assert f"Bearer {BLOCK}" in model.keys
    assert [key for key in model.keys if key.startswith("Basic ")], "the password of the URL was used"
    shown = json.dumps([messages for kind, messages in model if kind == "coder"])
    assert "PATH=" in shown
    assert "PREFECT" not in shown
    with echoing_server([*ENVIRONMENT.values(), BLOCK, LITERAL, BASE, FALLBACK]) as (port, _):
        _, failed = run_with_keys(port)
    assert failed["type"] == "FAILED"
    assert "Incorrect API key provided: ***" in failed["message"]

    folder, told = served.folder, b"Incorrect API key provided: ***"
    left = written_since(start)
    assert told in b"".join(path.read_bytes() for path in folder.glob("prefect/prefect.db*")), "states and logs"
    assert told in (folder / "serve.log").read_bytes(), "the worker has shown its runs"
    assert any(told in path.read_bytes() for path in left), "the conversation is kept"
    assert len(list(folder.glob("store/agents/data-report/*/build.json"))) >= 2
    assert not has_canary(shown.encode())
    assert leaks([*folder.rglob("*"), *left]) == []


@contextmanager
def day_budget(served, usd):
    """Set it, and take it away again for other tests."""
    said = bootstrap(served, "--day-budget", str(usd))
    assert "budget of a day" in said
    name = f"agenthands-spent-{datetime.now(UTC):%Y-%m-%d}"
    try:
        yield lambda: served.get(f"v2/concurrency_limits/{name}")
    finally:
        HTTP.delete(f"{served.url}/variables/name/agenthands_day_budget")


def test_the_budget_of_a_day_is_shared_by_all_runs(served):
    price = {"price": "10000,10000"}  # the scripted server counts 15 tokens a call: 15 cents

    def run(request, **more):
        options = {"planner": "openai/scripted", "api_base": model.url, **price, **more}
        wanted = served.run("build-agent/default", {"request": request, "options": options})
        return until(lambda: served.ended(wanted), 300)

    with serve_script("data-report") as model, day_budget(served, 0.5) as today:
        first = run("a report for today")
        assert first["type"] == "FAILED"
        assert "The budget of the day is used up: tools column_summary $0.450, plan $0.150" in first["message"]
        assert (today()["active_slots"], today()["limit"]) == (50_000, 50_000)
        asked = len(model)
        assert "The budget of the day is used up: nothing was spent by this build" in run("another")["message"]
        assert len(model) == asked
        assert "No price of openai/scripted is known, so the budget of the day" in run("a third", price=None)["message"]
        bootstrap(served, "--day-budget", "0.6")
        assert "The budget of the day is used up: plan $0.150" in run("a fourth")["message"]
        assert (today()["active_slots"], today()["limit"]) == (60_000, 60_000)


def test_a_run_whose_machine_died_does_not_stay_running(tmp_path):
    with serve(tmp_path) as served, serve_script("data-report", latency=600) as model:
        bootstrap(served, "--silence", "40", "--starting", "30")
        taken = served.run("build-agent/default", {"request": "never"}, state={"type": "PENDING", "name": "Submitting"})
        silent = served.run("build-agent/default", {"request": "no word"}, state={"type": "RUNNING", "name": "Running"})
        run = served.ask("a report", model)
        until(lambda: model.count("plan"), 200)
        family = psutil.Process(served.pid).children(recursive=True)
        alive = [each for each in family if "server start" in " ".join(each.cmdline())]
        alive += [child for each in alive for child in each.children(recursive=True)]
        psutil.Process(served.pid).suspend()  # it ends the server too where its worker has ended, or it itself
        for each in family:
            if each not in alive:
                each.kill()
        try:
            assert until(lambda: served.ended(run), 240)["type"] == "CRASHED"
            assert "never began" in until(lambda: served.ended(taken), 60)["message"]
            assert "no heartbeat" in until(lambda: served.ended(silent), 60)["message"], "it died before the first one"
        finally:
            for each in [psutil.Process(served.pid), *alive]:
                each.kill()


def test_a_killed_server_leaves_neither_its_server_nor_its_worker(tmp_path):
    with serve(tmp_path) as served:
        family = psutil.Process(served.pid).children(recursive=True)
        assert len(family) >= 2
        psutil.Process(served.pid).kill()
        _, alive = psutil.wait_procs(family, timeout=patient(20))
        for each in alive:
            each.kill()
        assert alive == []
