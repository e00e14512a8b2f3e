"""Whole agents in NAT whose model goes wrong without failing: their test cases end bounded, and say why."""

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


def test_a_model_that_goes_wrong_costs_its_agent_a_bounded_number_of_calls(tmp_path, warm):
    store = {"AGENTHANDS_STORE": tmp_path / "store", "OPENAI_API_KEY": "x"}

    def build(url):
        done = warm.run("build", "a report", "--planner", "openai/scripted", "--api-base", url, "--json", **store)
        assert done.returncode == 1, done.stderr
        return BuildRecord.model_validate_json(done.stdout)

    for fault, calls, answer in WAYS.values():
        with serve_script("data-report") as model:
            model.fault = lambda kind, number, fault=fault: fault if kind == "agent" else None
            record = build(model.url)
        assert model.count("agent") == calls
        assert record.reason == "2 of 2 test cases failed: summary, clock"
        for case in record.acceptance.cases:
            assert not case.passed
            if answer is None:
                assert (case.answer, case.tools_called) == ("", [])
                assert "The agent said nothing" in advice_on_case(case)
            else:
                assert answer in case.answer
