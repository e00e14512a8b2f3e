"""Calls of the model that the agent does not wait for to the end: cut off or paid, and whose fault it is."""

import threading
import time

import httpx
import pytest
from gateway_support import PRICED, ask, client, opened, register, seen
from patience import patient

from agenthands.errors import ModelUnavailable
from agenthands.llm.litellm_setup import load_litellm

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def _model():
    load_litellm()
    register()
    seen.clear()


def test_closing_cuts_off_what_still_runs_and_counts_it_apart():
    with opened(budget_usd=0.1) as gateway:
        ask(gateway)
        seen.clear()
        answers = []
        asking = threading.Thread(target=lambda: answers.append(ask(gateway, "slow").status_code), daemon=True)
        asking.start()
        while not seen:
            time.sleep(0.01)
        began = time.monotonic()
    asking.join(5)
    assert time.monotonic() - began < patient(5)
    assert answers == [500]
    (spent,) = gateway.scope.tracker.spending
    assert (spent.model, spent.calls, spent.cut_off, spent.cost_usd) == (PRICED, 1, 1, pytest.approx(0.06))
    assert gateway.scope.exhausted() == "", "the price of the model is known"
    assert "a call was cut off after" in gateway.usage.errors[0]
    assert gateway.usage.fault is None, "it had hardly begun"


def test_a_call_that_hangs_until_nobody_waits_is_the_models_fault():
    with opened(seconds=2) as gateway:
        with pytest.raises(httpx.ReadTimeout), client(gateway, timeout=1.5) as http:
            http.post("/chat/completions", json={"messages": [{"role": "user", "content": "slow"}]})
        while not gateway.usage.fault:
            time.sleep(0.01)
        assert ask(gateway).status_code == 408, "it is not asked again for a while"
    assert type(gateway.usage.fault) is ModelUnavailable
    assert "a call was cut off after" in gateway.usage.fault.message
    assert "AGENTHANDS_CASE_SECONDS" in gateway.usage.fault.hint
    assert [call["timeout"] for call in seen] == [2]
    (spent,) = gateway.scope.tracker.spending
    assert (spent.calls, spent.cut_off) == (0, 1)


def test_a_call_that_nobody_waits_for_any_more_is_paid_when_it_is_answered():
    with opened(seconds=60) as gateway:
        with pytest.raises(httpx.ReadTimeout), client(gateway, timeout=0.5) as http:
            http.post("/chat/completions", json={"messages": [{"role": "user", "content": "slower"}]})
        while not gateway.scope.tracker.spending:
            time.sleep(0.01)
    assert gateway.scope.paid[0] == pytest.approx(0.06)
    assert (gateway.usage.errors, gateway.usage.fault) == ([], None)
