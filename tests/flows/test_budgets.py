"""Budgets in whole builds: reaching one stops new model calls, keeps what is done, and says where the money went."""

import pytest

from agenthands.models import BuildRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PRICE = ("--price", "10000,10000")  # the scripted server counts 15 tokens a call: 15 cents


@pytest.fixture
def build(start_build, tmp_path):
    """Build; gives the exit code, what was said, and the records in the store."""

    def build(*options):
        with start_build(*options) as process:
            _, said = process.communicate(timeout=400)
        return process.returncode, said, records(tmp_path / "store")

    return build


def records(store):
    return [BuildRecord.model_validate_json(path.read_bytes()) for path in sorted(store.glob("agents/*/*/build.json"))]


def test_the_budget_of_a_build_stops_it_and_a_larger_one_goes_on(build, model):
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
    paid = sum(each.calls for each in again.spending)
    assert paid == len(model) - 3, "each call is paid once, by the build that made it"
    assert again.cost_usd == pytest.approx(0.15 * paid)


def test_a_tool_that_is_too_dear_is_rejected_for_it(build, model):
    code, said, (record,) = build("--tool-budget", "0.20", *PRICE)
    assert code == 1, said
    assert model.count("coder") == 2
    assert "the budget of the tool column_summary of $0.200 is used up" in record.tools[0].reason


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
