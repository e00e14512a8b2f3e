"""A bug of ours in the middle of a build: it is told with its traceback, and the build leaves a record all the same."""

import os
import subprocess
import sys

import pytest
from patience import patient

from agenthands.schemas import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
KEY = "sk-nobody-may-see"
PROGRAM = f"""
import sys
from agenthands.coding import tool_coder as coding
from agenthands.store import builds as publishing
from agenthands.errors import OutsideError

publish, where = publishing.publish_build, sys.argv.pop()

def fail(*_):
    raise KeyError({KEY!r})

def fail_outside(*_):
    raise OutsideError("gone")

def fail_first(*given):
    publishing.publish_build = publish
    fail()

coding.generate_tool = fail_outside if where == "at the end" else fail
if where != "once":
    publishing.publish_build = fail if where == "twice" else fail_first
from agenthands.cli.main import main
main()
"""


@pytest.fixture
def failed(tmp_path, prefect_api):
    """Build; returns what was said, and the records in the store."""

    def run(*more):
        # An interrupted build of another test may have left its coder's turn: this one goes on with nobody's.
        build = ["build", "a report", "--planner", "scripted/data-report", "--refresh"]
        command = [sys.executable, "-c", PROGRAM, *build, *more]
        variables = {**os.environ, **prefect_api, "AGENTHANDS_STORE": str(tmp_path / "store"), "SOME_API_KEY": KEY}
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=patient(400))
        assert done.returncode == 70, done.stderr
        assert KEY not in done.stderr + done.stdout
        assert "Error: This is a bug in AgentHands, not your mistake: KeyError: '***'\n" in done.stderr
        assert "in fail\n" in done.stderr, "the traceback"
        paths = (tmp_path / "store").glob("agents/*/*/build.json")
        return done.stderr, [BuildRecord.model_validate_json(path.read_bytes()) for path in paths]

    return run


def test_it_leaves_a_record_with_what_was_done_until_then(failed):
    said, (record,) = failed("once")
    assert record.status == "failed"
    assert record.reason == "This is a bug in AgentHands, not your mistake: KeyError: '***'"
    assert [(each.name, each.status, each.reason) for each in record.tools] == [
        ("column_summary", "failed", record.reason)
    ]
    assert record.plan.name == "data-report"
    assert [(each.stage, each.calls) for each in record.spending] == [("plan", 1)]
    assert "report.html" in record.files
    assert "FAILED" in said


@pytest.mark.long
def test_it_may_be_in_the_publishing(failed):
    _, (record,) = failed("at the end")
    assert record.status == "failed"
    assert record.reason == "This is a bug in AgentHands, not your mistake: KeyError: '***'"


@pytest.mark.long
def test_what_keeps_the_record_from_being_published_does_not_hide_it(failed):
    assert failed("twice")[1] == []
