"""Whole agents in NAT whose model goes wrong without failing: their test cases end bounded, and say why."""

import json
from functools import cache

import pytest
from faulty_server import says
from scripted_server import serve_script

from agenthands.reports.remedies import advice_on_case
from agenthands.schemas import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CASES = 2
# NAT's tool calling agent asks 15 times, and once more for an answer
LOOPS = 16 * CASES
UNFINISHED = "could not produce a final answer within 15 iterations"
WAYS = {
    "a loop": (says(calls=[("column_summary", '{"values": [1, 2]}')]), LOOPS, UNFINISHED),
    "an unknown tool": (says(calls=[("no_such_tool", "{}")]), LOOPS, UNFINISHED),
    "wrong arguments": (says(calls=[("column_summary", '{"numbers": 7}')]), LOOPS, UNFINISHED),
    "arguments that are no JSON": (says(calls=[("column_summary", '{"values": [1,')]), CASES, None),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Where the first build keeps its tool for the others."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def built(warm, store):
    """Build, once for each way in which the agent's model goes wrong; returns the record, its calls, what was said."""

    @cache
    def build(way):
        with serve_script("data-report") as model:
            model.fault = lambda kind, number: WAYS[way][0] if kind == "agent" else None
            chosen = ["--planner", "openai/scripted", "--api-base", model.url, "--json"]
            done = warm.run("build", "a report", *chosen, AGENTHANDS_STORE=store, OPENAI_API_KEY="x")
        assert done.returncode == 1, done.stderr
        return BuildRecord.model_validate_json(done.stdout), model.count("agent"), done.stderr

    return build


@pytest.mark.parametrize(
    "way",
    [
        "a loop",
        pytest.param("an unknown tool", marks=pytest.mark.long),
        pytest.param("wrong arguments", marks=pytest.mark.long),
        pytest.param("arguments that are no JSON", marks=pytest.mark.long),
    ],
)
def test_a_model_that_goes_wrong_costs_its_agent_a_bounded_number_of_calls(way, built):
    _, calls, answer = WAYS[way]
    record, asked, _ = built(way)
    assert asked == calls
    assert record.reason == "2 of 2 test cases failed: summary, clock"
    for case in record.acceptance.cases:
        assert not case.passed
        if answer is None:
            assert (case.answer, case.tools_called) == ("", [])
            assert "The agent said nothing" in advice_on_case(case)
        else:
            assert answer in case.answer


def test_a_rejected_agent_is_kept_with_its_reasons(built, warm, store, tmp_path):
    record, _, told = built("a loop")
    assert record.status == "rejected"
    assert record.reason in told
    assert [tool.status for tool in record.tools] == ["accepted"], "what passed is kept"
    folder = store / "agents" / "data-report" / record.build_id
    assert (folder / "bundle.tar.gz").is_file()
    assert not (folder.parent / "latest").exists()
    for case in record.acceptance.cases:
        assert json.loads((folder / "acceptance" / f"{case.id}.json").read_text())["id"] == case.id
    shown = warm.run("show", record.build_id, AGENTHANDS_STORE=store)
    assert shown.returncode == 0
    assert "The agent did not pass" in shown.stdout
    refused = warm.run("fetch", record.build_id, tmp_path / "agent", AGENTHANDS_STORE=store)
    assert refused.returncode == 2
    assert f"was rejected: {record.reason}" in refused.stderr
    assert "with --rejected it is fetched" in refused.stderr
    fetched = warm.run("fetch", record.build_id, tmp_path / "agent", "--rejected", AGENTHANDS_STORE=store)
    assert fetched.returncode == 0
    assert "holds an agent that was REJECTED" in fetched.stderr
    assert "**This agent was REJECTED:** " in (tmp_path / "agent" / "README.md").read_text()
