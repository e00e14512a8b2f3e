"""A build whose worker is killed, started again: only what was unfinished is done, and nothing is paid for twice."""

import json
import os
import re
import signal

import pytest
import yaml
from conftest_paths import TEST_HOME

from agenthands.llm.scripted.provider import SCRIPTS
from agenthands.schemas import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def kill_at(process, moment):
    """Kill a build at this line of its progress; returns its id."""
    with process:
        for line in process.stderr:
            if started := re.search(r"build (\S+) started", line):
                build_id = started[1]
            if moment in line:
                process.send_signal(signal.SIGKILL)
                return build_id
    return pytest.fail(f"the build ended before {moment!r}")


def trajectory(tmp_path, record):
    (file,) = (tmp_path / "store").glob(f"agents/*/{record.build_id}/trajectories/*.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.long
def test_what_killed_workers_had_done_is_not_done_again(start_build, build, model, tmp_path):
    model.latency = 0.3  # so that there is a middle in which to be killed
    for moment in ("coding, attempt 1, cost unknown", "checking", "accept: started"):
        kill_at(start_build(), moment)
    model.latency = 0.0
    record = build()
    assert record.status == "accepted"
    assert model.count("plan") == 1
    turns = len(yaml.safe_load((SCRIPTS / "data-report/tools/column_summary.yaml").read_text()))
    assert turns <= model.count("coder") <= turns + 1, "the call that was under way is made again, no other"
    (tool,) = record.tools
    assert (tool.attempts, tool.cached) == (1, True), "the third worker had it accepted"
    (kept,) = (tmp_path / "store").glob("tools/*/result.json")
    assert "column_summary" in kept.read_text()


@pytest.mark.long
def test_a_conversation_goes_on_where_its_worker_was_killed(start_build, build, model, tmp_path):
    model.latency = 0.3
    kill_at(start_build(), "coding, attempt 1, cost unknown")
    record = build()
    events = trajectory(tmp_path, record)
    assert sum(each["kind"] == "MessageEvent" and each["source"] == "user" for each in events) == 1
    answered = record.tools[0].tokens.prompt // 10
    assert model.count("coder") - 1 <= answered <= model.count("coder"), "what the first worker spent counts"


@pytest.mark.long
def test_what_a_killed_build_had_spent_is_in_a_record_of_its_own(start_build, build, model, tmp_path):
    model.latency = 0.3
    killed = kill_at(start_build(), "coding, attempt 1, cost unknown")
    folder = TEST_HOME / "work" / killed
    os.utime(folder / ".alive", (0, 0))  # else it may be one that is just being made
    record = build()
    assert not folder.exists()
    paths = (tmp_path / "store").glob("agents/*/*/build.json")
    records = {each.parent.name: BuildRecord.model_validate_json(each.read_bytes()) for each in paths}
    assert set(records) == {killed, record.build_id}
    left = records[killed]
    assert left.status == "failed"
    assert "its worker was killed" in left.reason
    assert (left.build_id, left.request, left.models) == (killed, record.request, record.models)
    assert left.plan == record.plan
    assert {(each.stage, each.tool, each.attempt) for each in left.spending} == {
        ("plan", "", 0),
        ("tools", "column_summary", 1),
    }
    assert left.tokens.prompt == 10 * sum(each.calls for each in left.spending)
    paid = sum(each.calls for one in records.values() for each in one.spending)
    assert len(model) - 1 <= paid <= len(model), "the call under way when it was killed is in no book"
