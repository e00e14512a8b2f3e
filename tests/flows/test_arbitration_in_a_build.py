"""The planner's ruling in a build: under Prefect, with the real gate and sandbox; only models are doubles."""

import json
import shutil

import pytest
from arbitration_support import TOOL, Planner, ruling
from tests_support import write_roman

from agenthands.flows.build_agent import build_agent
from agenthands.flows.build_tool import build_tool
from agenthands.gate.gate import judge
from agenthands.llm.scripted import provider as scripted_model
from agenthands.schemas import BuildOptions, BuildRequest, CodingResult, Tokens, ToolSpec, hidden_example_indices
from agenthands.store.workdirs import BuildContext, ToolWorkspace
from agenthands.tasks import dependencies
from agenthands.tasks import gate as validate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("flows_run_here")]


@pytest.fixture
def built(tmp_path, nat_environment, monkeypatch):
    """Build the tool with a coder that always writes the same, and a planner that rules as given."""

    def build_with(*rulings):
        planner, messages, judged = Planner(list(rulings)), [], []
        write_roman(tmp_path / "made")

        class Coder:
            def work(self, task):
                messages.append(task.message)
                for path in ("nat_tools/roman_numeral.py", "tests/test_roman_numeral.py"):
                    (task.workspace / path).write_text((tmp_path / "made" / path).read_text())
                return CodingResult(status="finished", cost_usd=0.5, tokens=Tokens(), seconds=1, steps=2)

        monkeypatch.setattr(validate, "judge", lambda *given: judged.append(given) or judge(*given))
        monkeypatch.setattr(dependencies, "coder_for", lambda settings: Coder())
        monkeypatch.setattr(dependencies, "planner_for", lambda settings, account: planner)
        request = BuildRequest(request="Roman numerals", planner="scripted/data-report", max_attempts=2)
        build = BuildContext(build_id="b", request=request, folder=tmp_path / "build")
        work = ToolWorkspace(build, TOOL, nat_environment, tmp_path / "tool")
        work.folder.mkdir()
        outcome = build_tool(work)
        first = json.loads(work.report(1).read_text())
        assert [each["reason"] for each in first["rulings"]] == [each.reason for each in outcome.gate.rulings]
        specification = (work.workspace / "spec.json").read_text()
        return outcome, (len(messages), len(judged), len(planner.asked)), messages, specification

    return build_with


def test_a_tool_is_judged_again_at_once_with_the_corrected_example(built):
    outcome, written_judged_asked, _, specification = built(ruling())
    assert (outcome.status, outcome.attempts, written_judged_asked) == ("accepted", 1, (1, 2, 1))
    assert outcome.cost_usd == 0.51
    assert [each.reason for each in outcome.gate.rulings] == ["4 is IV."]
    assert '"VI"' not in specification


def test_a_tool_that_is_wrong_goes_back_to_the_coder_and_the_planner_is_asked_once(built):
    wrong = ruling(wrong="tool", correction=None, reason="Because so.")
    outcome, written_judged_asked, messages, specification = built(wrong)
    assert (outcome.status, outcome.attempts, written_judged_asked) == ("rejected", 2, (2, 2, 1))
    assert outcome.cost_usd == 1.01
    assert "says that the tool is wrong. The reason: Because so." in messages[1]
    assert [(each.attempt, each.wrong) for each in outcome.gate.rulings] == [(1, "tool")]
    assert '"VI"' in specification


@pytest.mark.long
def test_a_wrong_hidden_example_is_corrected_in_a_whole_build(tmp_path, monkeypatch):
    """Everything is real but the model, whose script holds a plan with a wrong hidden example, and a ruling on it."""
    script = tmp_path / "scripts" / "data-report"
    shutil.copytree(scripted_model.SCRIPTS / script.name, script)
    plan = json.loads((script / "plan.json").read_text())
    wrong, right = break_hidden_example(plan["custom_tools"][0])
    (script / "plan.json").write_text(json.dumps(plan))
    ruled = {"example": wrong, "wrong": "example", "correction": {"expected": right}, "reason": "The mean is the sum"}
    (script / "ruling.json").write_text(json.dumps({"rulings": [ruled]}))
    monkeypatch.setattr(scripted_model, "SCRIPTS", script.parent)
    record = build_agent("a report", BuildOptions(planner="scripted/data-report", store=str(tmp_path / "store")))
    assert record.status == "accepted", record.reason
    (tool,) = record.tools
    assert (tool.attempts, tool.gate.rulings[0].held_out) == (1, True)
    assert record.plan.custom_tools[0].examples[wrong].expected != right  # the plan stays as it was
    kept = tmp_path / "store" / "agents" / "data-report" / record.build_id
    assert "The mean is the sum" in (kept / "report.html").read_text()
    shown = json.loads((kept / "tools" / "column_summary" / "spec.json").read_text())["examples"]
    assert wrong not in [plan["custom_tools"][0]["examples"].index(each) for each in shown]
    assert "The mean is the sum" not in (kept / "trajectories" / "column_summary.jsonl").read_text()


def break_hidden_example(spec):
    """Make one example wrong so that it is hidden; give its index and what it said before."""
    for index, example in enumerate(spec["examples"][:-1]):
        right = example["expected"]
        for mean in range(100, 200):
            example["expected"] = {**right, "mean": float(mean)}
            if index in hidden_example_indices(ToolSpec.model_validate(spec)):
                return index, right
        example["expected"] = right
    raise AssertionError("no example can be hidden")
