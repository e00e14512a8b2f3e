"""An agent that fails its test cases is kept with its reasons and transcripts, and the exit code says so."""

import json

import pytest
from scripted_server import serve_script

from agenthands.schemas import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_rejected_agent_is_kept_with_its_reasons(tmp_path, warm):
    def agenthands(*arguments):
        return warm.run(*arguments, AGENTHANDS_STORE=tmp_path / "store", OPENAI_API_KEY="x")

    with serve_script("data-report") as model:
        model.change = lambda kind, messages, message: (
            {"content": "I do not know.", "tool_calls": []} if kind == "agent" else message
        )
        done = agenthands("build", "a report", "--planner", "openai/scripted", "--api-base", model.url)
    assert done.returncode == 1, done.stderr
    (path,) = (tmp_path / "store").glob("agents/data-report/*/build.json")
    record = BuildRecord.model_validate_json(path.read_bytes())
    assert record.status == "rejected"
    assert "test cases failed" in record.reason
    assert record.reason in done.stderr
    assert [tool.status for tool in record.tools] == ["accepted"], "what passed is kept"
    assert (path.parent / "bundle.tar.gz").is_file()
    assert not (path.parent.parent / "latest").exists()
    for case in record.acceptance.cases:
        assert not case.passed
        assert case.answer == "I do not know."
        transcript = json.loads((path.parent / "acceptance" / f"{case.id}.json").read_text())
        assert transcript["id"] == case.id
    shown = agenthands("show", record.build_id)
    assert shown.returncode == 0
    assert "The agent did not pass" in shown.stdout
    refused = agenthands("fetch", record.build_id, str(tmp_path / "agent"))
    assert refused.returncode == 2
    assert f"was rejected: {record.reason}" in refused.stderr
    assert "with --rejected it is fetched" in refused.stderr
    fetched = agenthands("fetch", record.build_id, str(tmp_path / "agent"), "--rejected")
    assert fetched.returncode == 0
    assert "holds an agent that was REJECTED" in fetched.stderr
    assert "**This agent was REJECTED:** " in (tmp_path / "agent" / "README.md").read_text()
