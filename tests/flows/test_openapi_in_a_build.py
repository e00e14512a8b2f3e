"""A whole build over a described API: an operation is chosen, compiled, judged, packaged and asked, with no coder."""

import json
from pathlib import Path

import pytest
import yaml
from scripted_server import serve_model

from agenthands.schemas import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
FORGE = Path(__file__).parents[1] / "openapi" / "descriptions" / "forge.yaml"
ISSUE = {"number": 412, "title": "Search fails for umlauts", "state": "open", "assignee": {"login": "tkern"}}
PLACE = {"owner": "acme", "repo": "app", "issue_number": 412}
PLAN = {
    "name": "issue-desk",
    "summary": "Says who works on an issue.",
    "agents": [
        {
            "name": "desk",
            "description": "Knows the issues of acme/app.",
            "instructions": "You know the issues of acme/app. Always ask issues_get.",
            "type": "tool_calling_agent",
            "tools": ["issues_get"],
        }
    ],
    "entry": "desk",
    "operations": [
        {"name": "issues_get", "reasoning": "One issue.", "calls": [{"arguments": PLACE, "answer": ISSUE}]},
    ],
    "test_cases": [
        {
            "id": "who",
            "query": "Who works on issue 412?",
            "world": "usual",
            "expected_behavior": "Says that tkern does.",
            "checks": [{"kind": "tool_called", "value": "issues_get"}, {"kind": "contains", "value": "tkern"}],
        }
    ],
    "reasoning": "One operation is enough.",
}


def answers(call):
    """Play every role but the coder's, whom nobody may ask."""
    name = ((call.get("response_format") or {}).get("json_schema") or {}).get("name")
    if name == "plan":
        return {"content": json.dumps(PLAN), "tool_calls": []}
    if name == "opinion":
        return {"content": '{"passed": true, "reason": "It does."}', "tool_calls": []}
    results = [str(each.get("content")) for each in call["messages"] if each["role"] == "tool"]
    if results:
        return {"content": f"The forge says: {results[-1]}", "tool_calls": []}
    return {"content": "", "tool_calls": [("issues_get", PLACE)]}


def test_an_agent_over_an_api_is_accepted_without_a_coder(tmp_path, warm):
    store = tmp_path / "store"
    with serve_model(answers) as model:
        chosen = ["--planner", "openai/scripted", "--api-base", model.url, "--openapi", FORGE]
        done = warm.run("build", "who works on an issue", *chosen, AGENTHANDS_STORE=store, OPENAI_API_KEY="x")
        kinds = {kind for kind, _ in model}
    assert done.returncode == 0, done.stderr[-3000:]
    assert "coder" not in kinds
    (path,) = store.glob("agents/issue-desk/*/build.json")
    record = BuildRecord.model_validate_json(path.read_bytes())
    (tool,) = record.tools
    assert (record.status, tool.status, tool.attempts, tool.cost_usd) == ("accepted", "accepted", 1, 0.0)
    assert {check.name for check in tool.gate.checks} >= {"world", "mutation", "held_out", "schema"}
    assert "tkern" in record.acceptance.cases[0].answer
    assert warm.run("fetch", record.build_id, tmp_path / "agent", AGENTHANDS_STORE=store).returncode == 0
    (config,) = (tmp_path / "agent").glob("src/*/configs/config.yml")
    function = yaml.safe_load(config.read_text().replace("\\$", "$"))["functions"]["issues_get"]
    assert function["base_url"] == "https://api.forge.example"
    assert function["forge_token"] == "${FORGE_TOKEN:-}"


def test_what_is_no_description_ends_the_build_before_anything_is_spent(tmp_path, warm):
    page = tmp_path / "page.html"
    page.write_text("<!DOCTYPE html><title>Sign in</title>")
    with serve_model(answers) as model:
        chosen = ["--planner", "openai/scripted", "--api-base", model.url, "--openapi", page]
        done = warm.run("build", "anything", *chosen, AGENTHANDS_STORE=tmp_path / "store", OPENAI_API_KEY="x")
        assert list(model) == []
    assert done.returncode == 2
    assert "is a page or XML, not a description of an API" in done.stderr
    assert "Hint: Give --openapi the file or the URL" in done.stderr
