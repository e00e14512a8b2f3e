"""A whole build for data of the user: planned and accepted on a sample, then asked about the real file."""

import json

import pytest
from sales_support import SALES_PLAN, SALES_TESTS, SALES_TOOL, write_sales
from scripted_server import serve_model

from agenthands.schemas import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def answers(call):
    """Play every role: what is asked for shows in the call alone."""
    messages = call["messages"]
    name = ((call.get("response_format") or {}).get("json_schema") or {}).get("name")
    if name == "plan":
        return {"content": json.dumps(SALES_PLAN), "tool_calls": []}
    if name == "opinion":
        return {"content": '{"passed": true, "reason": "It does."}', "tool_calls": []}
    said = [json.dumps(each.get("content")) for each in messages if each["role"] == "user"]
    if workspace := next((text for text in said if "Workspace: " in text), ""):
        folder = workspace.partition("Workspace: ")[2].partition("\\n")[0].partition('"')[0]
        return coder(folder, sum(each["role"] == "assistant" for each in messages))
    results = [str(each.get("content")) for each in messages if each["role"] == "tool"]
    if results:
        return {"content": f"The sales file says: {results[-1]}", "tool_calls": []}
    question = str(next(each["content"] for each in reversed(messages) if each["role"] == "user"))
    return {"content": "", "tool_calls": [("branch_sales", {"branch": "Trier" if "Trier" in question else "Bonn"})]}


def coder(folder, turn):
    def written(path, text):
        return "file_editor", {"command": "create", "path": f"{folder}/{path}", "file_text": text}

    calls = [
        written("nat_tools/branch_sales.py", SALES_TOOL),
        written("tests/test_branch_sales.py", SALES_TESTS),
        ("terminal", {"command": "python -m pytest -q tests"}),
        ("finish", {"message": "Written."}),
    ]
    return {"content": "", "tool_calls": [calls[min(turn, 3)]]}


def test_an_agent_for_a_file_is_accepted_on_its_sample_and_answers_from_the_file(tmp_path, warm):
    sales = tmp_path / "sales.csv"
    of_bonn = write_sales(sales)
    with serve_model(answers) as model:
        chosen = ["--api-base", model.url]
        variables = {"AGENTHANDS_STORE": tmp_path / "store", "OPENAI_API_KEY": "x"}
        done = warm.run("build", "a sales desk", "--planner", "openai/scripted", "--data", sales, *chosen, **variables)
        asked = json.dumps([messages for kind, messages in model if kind != "agent"])
        answer = warm.run("chat", "sales-desk", "-q", "How many units did Bonn sell?", *chosen, **variables)
        fetched = warm.run("fetch", "sales-desk", tmp_path / "agent", **variables)
        sales.unlink()
        gone = warm.run("chat", "sales-desk", "-q", "How many units did Bonn sell?", *chosen, **variables)
    assert done.returncode == 0, done.stderr[-3000:]
    (path,) = (tmp_path / "store").glob("agents/sales-desk/*/build.json")
    record = BuildRecord.model_validate_json(path.read_bytes())
    assert [(case.id, case.passed) for case in record.acceptance.cases] == [("bonn", True), ("trier", True)]
    assert "Of the data (sales), the models are told" in " ".join(done.stderr.split())
    assert "2027-02-05,Trier,1" in asked
    assert "2027-03-01,Bonn,10" not in asked
    assert str(sales) not in asked
    kept = record.plan.custom_tools[0].worlds["data_sample"]
    assert (kept.origin, kept.files["sales.csv"].count("\n")) == ("recorded", 6)
    assert str(of_bonn) in answer.stdout, answer.stderr
    assert f"BRANCH_SALES_SALES={sales}\n" in (tmp_path / "agent" / ".env").read_text()
    assert str(sales) not in (tmp_path / "agent" / ".env.example").read_text()
    assert "BRANCH_SALES_SALES" in fetched.stderr
    assert gone.returncode == 2
    assert "is not there any more" in gone.stderr
    assert "set BRANCH_SALES_SALES" in " ".join(gone.stderr.split())
