"""Several workers of one Prefect server on PostgreSQL with Redis share a batch, its tools, and a limit of models."""

import json
import re
import threading

import pytest
import yaml
from canaries import ENVIRONMENT, has_canary
from echoing_server import echoing_server
from many_machines import DATABASE, MISSING, dumped, machines
from scripted_server import serve_script
from served_support import until

from agenthands.llm.scripted.provider import SCRIPTS
from agenthands.schemas import BatchReport

pytestmark = [
    pytest.mark.slow,
    pytest.mark.machines,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(MISSING), reason=f"no {' and no '.join(MISSING)} (Debian packages)"),
]
BUILDS, MODELS = 4, 2
_WORKER = re.compile(r"Worker '([^']+)' submitting flow run")


class Crowd:
    """A change of a scripted model that counts how many planners and coders it serves at once."""

    def __init__(self):
        self._lock, self._now, self.most = threading.Lock(), 0, 0

    def __call__(self, kind, messages, message):
        if kind in ("plan", "coder"):
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
            threading.Event().wait(0.5)
            with self._lock:
                self._now -= 1
        return message


def test_workers_share_a_batch(tmp_path):
    requests = tmp_path / "requests.jsonl"
    requests.write_text("".join(json.dumps(f"report {number}") + "\n" for number in range(BUILDS)))
    limit = ["--models", str(MODELS)]
    with machines(tmp_path, workers=3, prepare=limit) as served, serve_script("data-report") as model:
        model.change = crowd = Crowd()
        options = {"planner": "openai/scripted", "api_base": model.url}
        parameters = {"source": str(requests), "options": options, "builds_at_once": BUILDS}
        run = served.run("build-batch/nightly", parameters)
        state = until(lambda: served.ended(run), 500)
        said = [each["message"] for each in served.find("logs")]
        with echoing_server([ENVIRONMENT["OPENAI_API_KEY"], DATABASE]) as (port, _):
            options = {"planner": "openai/scripted", "fallback": "openai/stand-in",
                       "api_base": f"http://127.0.0.1:{port}/v1"}  # fmt: skip
            failing = served.run("build-agent/default", {"request": "a report", "options": options})
            refused = until(lambda: served.ended(failing), 200)
        kept = dumped(served)
    assert (state["type"], state["name"]) == ("COMPLETED", "Accepted"), state["message"]
    assert state["message"].endswith(f": All {BUILDS} agents work.")
    assert "Incorrect API key provided: ***" in refused["message"]
    assert b"Incorrect API key provided: ***" in kept
    assert not has_canary(kept)
    (file,) = (tmp_path / "store" / "batches").glob("*/batch.json")
    report = BatchReport.model_validate_json(file.read_bytes())
    assert [item.status for item in report.builds] == ["accepted"] * BUILDS
    assert len({found[1] for line in said if (found := _WORKER.match(line))}) == 3
    assert crowd.most <= MODELS
    turns = len(yaml.safe_load((SCRIPTS / "data-report/tools/column_summary.yaml").read_text()))
    assert model.count("coder") == turns, "a tool that all of them need is made once"
