"""An agent that fails test cases gets another plan, from a planner that was told what happened; its tools stay."""

import json

import pytest
from scripted_server import serve_script

from agenthands.schemas import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
TOLD = "Always state the mean first."
WHY = "The instructions did not say that a mean is wanted."


@pytest.fixture(scope="module")
def built(tmp_path_factory, warm):
    """Build twice: an agent that answers only once its instructions say how. Returns the model, and of each build its
    record and how often the planner had been asked."""
    folder = tmp_path_factory.mktemp("repairing")

    def changed(kind, messages, message):
        asked = json.dumps(messages)
        if kind == "plan" and "It failed" in messages[-1]["content"]:
            plan = json.loads(message["content"])
            plan["agents"][0]["instructions"] += f" {TOLD}"
            return message | {"content": json.dumps(plan | {"changes": WHY})}
        if kind == "agent" and TOLD not in asked:
            return {"content": "I do not know.", "tool_calls": []}
        return message

    records = []
    with serve_script("data-report") as model:
        model.change = changed
        for _ in range(2):
            done = warm.run(
                "build", "a report", "--planner", "openai/scripted", "--api-base", model.url, "--json",
                AGENTHANDS_STORE=folder / "store", OPENAI_API_KEY="x",
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            records.append(BuildRecord.model_validate_json(done.stdout))
            records.append(model.count("plan"))
    return model, records


def test_the_agent_is_accepted_with_other_instructions_and_the_record_says_why(built):
    _, (record, *_) = built
    assert record.status == "accepted"
    (repair,) = record.repairs
    assert repair.failed == [case.id for case in record.plan.test_cases]
    assert repair.changed == ["agents.data_report.instructions"]
    assert repair.reason == WHY
    assert TOLD in record.plan.entry_agent.instructions


def test_the_planner_reads_what_happened(built):
    model, _ = built
    told = next(messages[-1]["content"] for kind, messages in model if kind == "plan" and len(messages) > 2)
    assert "answered: I do not know." in told
    assert "check failed: tool_called" in told


def test_no_tool_is_written_again(built):
    _, (record, *_) = built
    assert [(tool.status, tool.cached) for tool in record.tools] == [("accepted", False)]
    assert sum(turn.doing == "coding" for turn in record.turns) == record.tools[0].attempts


def test_the_next_build_begins_with_the_plan_that_passed(built):
    _, (first, asked, second, asked_later) = built
    assert asked == asked_later == 2
    assert second.plan == first.plan
    assert second.repairs == []
