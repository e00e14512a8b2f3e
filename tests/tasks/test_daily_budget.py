"""The budget of a day on a real Prefect server, when many pay from it at once."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

import agenthands.tasks.daily_budget as day_budget
from agenthands.errors import OutsideError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
USD, SLOTS = 0.0003, 30


@pytest.fixture
def client(prefect_api):
    """A client of the bare server, on which nothing was spent today; other tests find no budget there."""
    with temporary_settings({PREFECT_API_URL: prefect_api["PREFECT_API_URL"]}), get_client(sync_client=True) as client:
        yield client
        client.delete_variable_by_name(day_budget.VARIABLE)
        client.delete_global_concurrency_limit_by_name(today(client).name)


def today(client):
    (limit,) = (each for each in client.read_global_concurrency_limits() if each.name.startswith("agenthands-spent-"))
    return limit


def pay_at_once(payers, times):
    def charge():
        for _ in range(times):
            day_budget.PrefectDayBudget().charge(USD)

    with ThreadPoolExecutor(payers) as threads:
        for done in [threads.submit(copy_context().run, charge) for _ in range(payers)]:
            done.result()


def test_who_pays_at_once_takes_all_of_it_and_no_more_than_there_is(client):
    day_budget.set_day_budget(client, 0.005)
    pay_at_once(payers=4, times=3)
    assert (today(client).active_slots, today(client).limit) == (4 * 3 * SLOTS, 500)
    assert day_budget.PrefectDayBudget().left()
    pay_at_once(payers=4, times=3)
    assert today(client).active_slots == 500, "the last payer takes what is left"
    assert not day_budget.PrefectDayBudget().left()


def test_a_payment_that_loses_every_race_is_an_error_and_not_forgotten(client, monkeypatch):
    day_budget.set_day_budget(client, 0.005)
    lost = []

    def others_were_faster(*asked):
        lost.append(asked)
        return False

    monkeypatch.setattr(day_budget, "_PAUSE", 0)
    monkeypatch.setattr(day_budget, "_occupy", others_were_faster)
    with pytest.raises(OutsideError, match=r"\$0\.00030 could not be paid from the budget of the day"):
        day_budget.PrefectDayBudget().charge(USD)
    assert len(lost) == 100
