"""What a conversation has spent is paid once, and all of it, whatever a payment raises."""

from types import SimpleNamespace

import pytest
from coder_support import AwayOnce
from conftest_paths import TEST_HOME

from agenthands.coding.openhands.agent import load_openhands
from agenthands.coding.openhands.usage import Prices, Spent, UsageMeter
from agenthands.errors import OutsideError
from agenthands.llm.budget import Budget, BudgetTracker
from agenthands.llm.settings import ModelSettings

PRICE = (0.01, 0.01)


@pytest.fixture
def conversation():
    """Metrics of the SDK, as of a conversation in which a model has answered and then its fallback."""
    load_openhands(TEST_HOME)
    from openhands.sdk.llm import Metrics

    metrics = Metrics(model_name="openai/scripted")
    for model in ("openai/scripted", "openai/other"):
        answered = Metrics(model_name=model)
        answered.add_token_usage(10, 5, 0, 0, 1000, f"by {model}")
        answered.add_cost(0.15)
        metrics.merge(answered)
    return SimpleNamespace(conversation_stats=SimpleNamespace(usage_to_metrics={"coder": metrics}))


def test_what_two_models_did_is_noted_though_the_day_cannot_be_paid(conversation, tmp_path):
    settings = ModelSettings(
        model="openai/scripted",
        assumed_price=PRICE,
        fallback=ModelSettings(model="openai/other", assumed_price=PRICE),
    )
    tracker = BudgetTracker(Budget(), AwayOnce())
    scope = tracker.scope("tools", "a", 1)
    payer = UsageMeter(SimpleNamespace(scope=scope, stand_in=tmp_path / "fallback"), Prices(settings))
    payer.begin(conversation, Spent())
    with pytest.raises(OutsideError, match="Prefect is away"):
        payer.charge()
    assert {each.model: (each.calls, each.cost_usd) for each in tracker.spending} == {
        "openai/scripted": (1, pytest.approx(0.15)),
        "openai/other": (1, pytest.approx(0.15)),
    }
    assert not payer.charge(), "nothing is paid twice"
