"""`agenthands serve` for tests: on a free port, with a Prefect home and a store of its own, and canaries for keys."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from canaries import ENVIRONMENT
from conftest_paths import ROOT
from patience import patient

BIN = Path(sys.executable).parent
# httpx.get reads all certificates at each call, which costs 20 times the call. No connection outlives its server.
HTTP = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=patient(20))


@dataclass
class Served:
    """Where it is: its folder, its process, its API, and the variables of a client."""

    folder: Path
    pid: int
    url: str
    variables: dict
    exit_code: int | None = None

    def answers(self):
        return answers(self.url)

    def deployment(self, name):
        try:
            answer = HTTP.get(f"{self.url}/deployments/name/{name}", timeout=patient(5))
        except httpx.HTTPError:
            return None
        return answer.json()["id"] if answer.is_success else None

    def get(self, path):
        return HTTP.get(f"{self.url}/{path}").json()

    def find(self, kind, **wanted):
        return HTTP.post(f"{self.url}/{kind}/filter", json=wanted).json()

    def ask(self, request, model, **more):
        """Have a run of build-agent/default whose models are the scripted `model`; returns its id."""
        options = {"planner": "openai/scripted", "api_base": model.url}
        return self.run("build-agent/default", {"request": request, "options": options}, **more)

    def run(self, deployment, parameters, **more):
        """Have a run of a deployment; returns its id. `more` is what the API takes beside parameters.

        A server on SQLite that is busy says 503; Prefect's clients try again then, and so does this.
        """
        url = f"{self.url}/deployments/{until(lambda: self.deployment(deployment))}/create_flow_run"
        body = {"parameters": parameters, **more}
        answer = until(lambda: (got := HTTP.post(url, json=body, timeout=patient(60))).status_code != 503 and got)
        assert answer.is_success, answer.text
        return answer.json()["id"]

    def artifacts(self, run):
        """Return the artifacts of a run and of the runs in it, that have a key."""
        parent = {"parent_flow_run_id": {"any_": [run]}}
        runs = [run, *(each["id"] for each in self.find("flow_runs", flow_runs=parent))]
        return [each for each in self.find("artifacts", flow_runs={"id": {"any_": runs}}) if each["key"]]

    def ended(self, run):
        """Return the state of a run that has ended; None before."""
        state = self.get(f"flow_runs/{run}")["state"]
        return state if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None


def answers(url):
    """Return whether a Prefect API is there."""
    try:
        return HTTP.get(f"{url}/health", timeout=patient(5)).is_success
    except httpx.HTTPError:
        return False


def until(done, seconds=120):
    """Wait until `done` gives something, and return it. What takes long is asked for less often."""
    started = time.monotonic()
    while (waited := time.monotonic() - started) < patient(seconds):
        if found := done():
            return found
        time.sleep(min(0.1 + waited / 20, 1))
    raise AssertionError("it did not happen in time")


@contextmanager
def serve(folder, command=BIN / "agenthands", cwd=None, **more):
    """Serve with `command`, begun in the folder `cwd`; `more` are variables."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    variables = {
        **os.environ,
        **ENVIRONMENT,
        "PREFECT_HOME": str(folder / "prefect"),
        "AGENTHANDS_STORE": str(folder / "store"),
        **more,
    }
    log = (folder / "serve.log").open("wb")
    begun = {"env": variables, "cwd": cwd, "stdout": log, "stderr": log}
    with log, subprocess.Popen([command, "serve", "--port", str(port)], **begun) as process:
        served = Served(folder, process.pid, url, {**variables, "PREFECT_API_URL": url})
        until(lambda: process.poll() is not None or served.deployment("build-batch/nightly"), 300)
        assert process.poll() is None, (folder / "serve.log").read_text()[-3000:]
        yield served
        process.send_signal(signal.SIGINT)
        served.exit_code = process.wait(patient(60))


def bootstrap(served, *options):
    """Run `deployments/bootstrap` on the server, and return what it says."""
    command = [str(ROOT / "deployments" / "bootstrap"), *options]
    done = subprocess.run(command, env=served.variables, capture_output=True, text=True, timeout=patient(200))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
