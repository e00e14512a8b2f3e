"""Budgets in whole builds: reaching one stops new model calls, keeps what is done, and says where the money went."""

import json
import re
import threading
from statistics import mean

import pytest
import yaml
from patience import patient
from scripted_server import serve_script

from agenthands._util.formatting import money
from agenthands.llm.scripted.provider import SCRIPTS
from agenthands.schemas import BuildRecord, Plan

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PRICE = ("--price", "10000,10000")  # the scripted server counts 15 tokens a call: 15 cents
TURNS = len(yaml.safe_load((SCRIPTS / "data-report/tools/column_summary.yaml").read_text()))


@pytest.fixture
def build(warm_build, tmp_path):
    """Build; returns the exit code, what was said, and the records in the store."""

    def build(*options):
        done = warm_build(*options)
        return done.returncode, done.stderr, records(tmp_path / "store")

    return build


def records(store):
    return [BuildRecord.model_validate_json(path.read_bytes()) for path in sorted(store.glob("agents/*/*/build.json"))]


def test_the_budget_of_a_build_stops_it_a_larger_one_goes_on_and_plans_are_estimated_from_both(
    build, model, warm_build
):
    code, said, (record,) = build("--budget", "0.40", *PRICE)
    assert code == 2, said
    assert "The budget of $0.400 is used up: tools column_summary $0.300, plan $0.150." in said
    assert "Give more (--budget" in said
    assert (model.count("plan"), model.count("coder"), model.count("agent")) == (1, 2, 0)
    assert record.status == "failed"
    assert record.cost_usd == pytest.approx(0.45)
    assert {(each.stage, each.tool, each.attempt): each.calls for each in record.spending} == {
        ("plan", "", 0): 1,
        ("tools", "column_summary", 1): 2,
    }
    assert record.tokens.prompt == 30

    code, said, done = build("--budget", "40", *PRICE)
    assert code == 0, said
    again = next(each for each in done if each.status == "accepted")
    assert model.count("plan") == 1, "the plan was paid before"
    assert model.count("coder") == TURNS, "the conversation went on, no call was made again"
    paid = sum(each.calls for each in again.spending)
    assert paid == len(model) - 3, "each call is paid once, by the build that made it"
    assert again.cost_usd == pytest.approx(0.15 * paid)
    asked = [each.cost_usd for each in again.spending if each.stage == "accept"]
    assert again.acceptance.cost_usd == pytest.approx(sum(asked))

    planned = warm_build("--json", *PRICE, command="plan")
    assert planned.returncode == 0, planned.stderr
    assert Plan.model_validate_json(planned.stdout) == again.plan, "--json is the plan alone"
    expected = money(mean(each.tools[0].cost_usd for each in done) + sum(asked))
    rows = [re.split(r"\s{2,}", line.strip()) for line in planned.stderr.splitlines()]
    assert ["this plan", "$0.00", "paid"] in rows
    assert ["building it", f"about {expected}", "all of that"] in rows


def test_the_budget_of_a_build_stops_every_conversation_that_runs(build):
    both = threading.Barrier(2)

    def begun_at_once(kind, number):
        if kind == "coder" and number <= 2:
            both.wait(patient(200))

    def without_servers(kind, messages, message):
        if kind != "plan":
            return message
        planned = json.loads(message["content"])
        planned["mcp_servers"], planned["test_cases"] = [], planned["test_cases"][:1]
        planned["agents"][0]["tools"] = [tool["name"] for tool in planned["custom_tools"]]
        return {**message, "content": json.dumps(planned)}

    with serve_script("financial-research") as model:
        model.fault, model.change = begun_at_once, without_servers
        code, said, (record,) = build("--api-base", model.url, "--budget", "0.30", *PRICE)
    assert code == 2, said
    assert "The budget of $0.300 is used up: plan $0.150, tools " in said
    assert model.count("coder") == 2, "the call under way is paid, and its conversation ends as well"
    tools = ("stock_performance", "financial_statement_analyzer")
    assert {(each.tool, each.calls) for each in record.spending} == {("", 1), *((tool, 1) for tool in tools)}
    assert (record.status, record.cost_usd) == ("failed", pytest.approx(0.45))


@pytest.mark.long
def test_a_tool_that_is_too_dear_is_rejected_for_it(build, model):
    code, said, (record,) = build("--tool-budget", "0.20", *PRICE)
    assert code == 1, said
    assert model.count("coder") == 2
    assert "the budget of the tool column_summary of $0.200 is used up" in record.tools[0].reason

    code, said, found = build("--tool-budget", "20", *PRICE)
    assert code == 0, said
    (again,) = [each for each in found if each.status == "accepted"]
    assert model.count("coder") == TURNS
    assert (again.tools[0].attempts, again.tools[0].cost_usd) == (1, pytest.approx(0.15 * TURNS))
    assert sum(each.calls for each in again.spending if each.tool) == TURNS - 2, "the rest was paid before"


def test_without_a_price_a_budget_in_dollars_is_refused_and_tokens_do(build, model):
    code, said, found = build("--budget", "5")
    assert code == 2
    assert "No price of openai/scripted is known" in said
    assert "--budget-tokens" in said
    assert len(model) == len(found) == 0
    code, said, (record,) = build("--budget-tokens", "40")
    assert code == 2
    assert "The budget of 40 tokens is used up: plan cost unknown, tools column_summary cost unknown" in said
    assert record.cost_usd is None
