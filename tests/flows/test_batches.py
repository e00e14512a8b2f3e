"""Many requests in one command: each is accepted or explained, and a second run builds only what is missing."""

import json
from collections import Counter

import pytest
import yaml

from agenthands.llm.scripted.provider import SCRIPTS
from agenthands.schemas import BatchReport

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
GOOD, POEMS, NEVER = 2, 1, 1


def request_in(messages):
    return json.dumps(messages[1]["content"])


def poets_and_sceptics(kind, messages, message):
    """Answer some requests with a poem, and expect of some agents what they never say."""
    if kind == "plan" and "a poem," in request_in(messages):
        return {**message, "content": "Roses are red."}
    if kind == "plan" and "a sceptic," in request_in(messages):
        plan = json.loads(message["content"])
        plan["test_cases"][0]["checks"] = [{"kind": "contains", "value": "what it never says"}]
        return {**message, "content": json.dumps(plan)}
    return message


@pytest.fixture
def batch(tmp_path, model, warm):
    """Build a list; returns how the command ended, and the report that it printed."""

    def batch(file):
        command = ["batch", file, "--planner", "openai/scripted", "--api-base", model.url, "--json"]
        done = warm.run(*command, seconds=800, AGENTHANDS_STORE=tmp_path / "store", OPENAI_API_KEY="x")
        assert "Traceback" not in done.stderr
        return done, BatchReport.model_validate_json(done.stdout) if done.stdout else None

    return batch


def test_of_five_requests_three_fail_and_each_is_explained(batch, tmp_path, model):
    model.change = poets_and_sceptics
    requests = [f"report number {n}" for n in range(GOOD)]
    requests += [f"a poem, {n}" for n in range(POEMS)] + [f"a sceptic, {n}" for n in range(NEVER)]
    file = tmp_path / "requests.jsonl"
    model_less = {"request": "x", "budget": 0.000001, "coder": "unknown-provider/unknown-model"}
    file.write_text("".join(json.dumps(each) + "\n" for each in [*requests, model_less]))

    done, report = batch(file)
    assert done.returncode == 3
    assert Counter(item.status for item in report.builds) == {"accepted": GOOD, "failed": POEMS + 1, "rejected": NEVER}
    assert [item.request.request for item in report.builds] == [*requests, "x"], "in the order of the file"
    turns = len(yaml.safe_load((SCRIPTS / "data-report/tools/column_summary.yaml").read_text()))
    assert model.count("coder") == turns, "builds that need the same tool, two of them at once, make it once"
    assert all(item.reason for item in report.builds if item.status != "accepted")
    assert "gave no plan" in report.builds[GOOD].reason
    assert report.builds[-1].exit_code == 2
    kept = tmp_path / "store" / "batches" / report.batch_id
    assert BatchReport.model_validate_json((kept / "batch.json").read_bytes()) == report
    page = (kept / "report.html").read_text()
    for item in report.builds:
        if item.build_id:
            link = f"../../agents/{item.agent or 'unplanned'}/{item.build_id}/report.html"
            assert link in page
            assert (kept / link).is_file()

    model.change = lambda kind, messages, message: message
    plans = model.count("plan")
    done, report = batch(file)
    assert done.returncode == 2
    assert Counter((item.status, item.cached) for item in report.builds) == {
        ("accepted", True): GOOD,
        ("accepted", False): POEMS + NEVER,
        ("failed", False): 1,
    }
    assert model.count("plan") == plans + POEMS + NEVER, "neither no plan nor one whose agent did not pass is kept"


def test_a_list_that_cannot_be_read_builds_nothing(batch, tmp_path, model):
    file = tmp_path / "requests.yaml"
    file.write_text("- a report\n- request: another\n  colour: blue\n")
    done, report = batch(file)
    assert (done.returncode, report) == (2, None)
    assert "entry 2: colour" in done.stderr
    assert model.count() == 0
