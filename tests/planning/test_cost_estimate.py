"""What building a plan is expected to cost: from past builds, else from a guess that says so."""

import pytest
from sample_records import case, plan, record, spent, tool

from agenthands.planning.cost_estimate import estimate_cost
from agenthands.schemas import Acceptance, Tokens

MODELS = {"planner": "a/planner", "coder": "a/coder", "agent": "a/agent"}
PRICES = {"planner": None, "coder": (1e-6, 4e-6), "agent": (1e-6, 4e-6)}


def past(tools, cases_usd, **changes):
    asked = Acceptance(passed=True, cases=[case("a"), case("b")], cost_usd=1.0, tokens=Tokens(), seconds=1)
    spending = [spent("plan", 1, 9.0), spent("accept", 4, cases_usd)]
    return record(models=MODELS, tools=tools, acceptance=asked, spending=spending, **changes)


def estimate(*records, models=MODELS, prices=PRICES):
    return estimate_cost(plan(), models, records, prices)


def test_past_builds_with_the_same_models_say_what_it_costs():
    builds = past([tool("a", cost_usd=0.10), tool("b", cost_usd=0.30)], 0.08), past([tool("c", cost_usd=0.20)], 0.04)
    found = estimate(*builds)
    tools, cases = len(plan().custom_tools), len(plan().test_cases)
    assert found.usd == pytest.approx(0.20 * tools + 0.03 * cases)
    assert "2 tools: as much as the last 3 tools cost on average" in found.basis
    assert "2 test cases: as much as the last 4 test cases cost on average" in found.basis


def test_what_was_made_before_or_by_another_model_or_at_an_unknown_price_says_nothing():
    others = [
        past([tool("a", cost_usd=5.0, cached=True)], None),
        past([tool("a", cost_usd=None)], None),
        past([tool("a", cost_usd=5.0)], 5.0).model_copy(update={"models": {"coder": "b/c", "agent": "b/a"}}),
    ]
    assert estimate(*others) == estimate()
    assert "a guess" in estimate().basis


def test_an_unknown_price_is_no_zero():
    found = estimate(prices={**PRICES, "agent": None})
    assert found.usd is None
    assert "2 test cases: the model's price is not known" in found.basis


def test_a_plan_without_tools_costs_its_test_cases():
    found = estimate_cost(plan().model_copy(update={"custom_tools": []}), MODELS, [], PRICES)
    assert found.usd == pytest.approx(len(plan().test_cases) * 3 * (2_000e-6 + 200 * 4e-6))
    assert [what for what, *_ in found.parts] == ["2 test cases"]
