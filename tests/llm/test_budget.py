"""What a build may spend: budgets of the whole, of a tool, of tokens and of a day, and where the money went."""

import threading

import pytest
from coder_support import AwayOnce

from agenthands.errors import BudgetReached, OutsideError
from agenthands.llm.base import ChatAnswer
from agenthands.llm.budget import Budget, BudgetTracker, MeteredModel
from agenthands.schemas import Tokens

SOME = Tokens(prompt=10, completion=5)


class Day:
    def __init__(self, usd):
        self.usd = usd

    def left(self):
        return self.usd > 0

    def charge(self, usd):
        self.usd -= usd


class Model:
    name = "m"

    def __init__(self):
        self.asked = 0

    def ask(self, messages, schema_name, schema):
        self.asked += 1
        return ChatAnswer(text="{}", cost_usd=0.4, tokens=SOME)


def test_what_was_spent_is_summed_by_stage_tool_and_attempt():
    tracker = BudgetTracker(Budget())
    tracker.scope("plan").charge(0.1, SOME)
    for cost in (0.2, 0.3):
        tracker.scope("tools", "a", 1).charge(cost, SOME, calls=2)
    tracker.scope("tools", "a", 2).charge(None, Tokens())
    spent = {(each.stage, each.tool, each.attempt): each for each in tracker.spending}
    assert spent["plan", "", 0].cost_usd == pytest.approx(0.1)
    assert spent["tools", "a", 1].cost_usd == pytest.approx(0.5)
    assert spent["tools", "a", 1].calls == 4
    assert spent["tools", "a", 1].tokens == SOME + SOME
    assert spent["tools", "a", 2].cost_usd is None


def test_the_budget_of_the_build_ends_every_step():
    tracker = BudgetTracker(Budget(usd=1.0))
    tracker.scope("plan").charge(0.4, SOME)
    tracker.scope("plan").require()
    tracker.scope("tools", "a", 1).charge(0.7, SOME)
    with pytest.raises(BudgetReached) as caught:
        tracker.scope("accept").require()
    assert caught.value.message == "The budget of $1.00 is used up: tools a $0.700, plan $0.400."
    assert "--budget" in caught.value.hint


def test_the_budget_of_a_tool_ends_this_tool_alone():
    tracker = BudgetTracker(Budget(tool_usd=0.5))
    tracker.scope("tools", "a", 1).charge(0.3, SOME)
    tracker.scope("tools", "a", 2).charge(0.3, SOME)
    assert tracker.scope("tools", "a", 3).exhausted() == "The budget of the tool a of $0.500 is used up"
    assert tracker.scope("tools", "b", 1).exhausted() == ""
    assert tracker.scope("accept").exhausted() == ""


def test_tokens_count_where_no_price_is_known():
    tracker = BudgetTracker(Budget(tokens=20))
    tracker.scope("plan").charge(None, SOME)
    assert tracker.exhausted() == ""
    tracker.scope("plan").charge(None, SOME)
    assert tracker.exhausted() == "The budget of 20 tokens is used up"


def test_a_budget_in_dollars_cannot_be_kept_without_a_price():
    tracker = BudgetTracker(Budget(usd=100))
    tracker.scope("plan").charge(None, SOME)
    assert "cannot be kept" in tracker.exhausted()


def test_a_call_that_was_cut_off_is_in_no_sum_and_is_told(tmp_path):
    scope = BudgetTracker(Budget(usd=0.5), log=tmp_path / "log").scope("accept")
    scope.note_cut_off("m")
    scope.charge(0.3, SOME, model="m")
    scope.note_cut_off("m")
    scope.require()
    assert scope.paid == (pytest.approx(0.3), SOME)
    again = BudgetTracker(Budget(usd=0.5), log=tmp_path / "log").scope("accept")
    again.charge(0.3, SOME, model="m")
    with pytest.raises(BudgetReached, match=r"used up: accept \$0.600 and 2 calls cut off at unknown cost\."):
        again.require()


def test_what_an_account_has_paid_is_that_of_its_step_alone():
    tracker = BudgetTracker(Budget())
    tracker.scope("accept").charge(0.3, SOME, model="a")
    tracker.scope("accept").charge(0.1, SOME, model="b")
    tracker.scope("tools", "a", 1).charge(None, SOME)
    assert tracker.scope("accept").paid == (pytest.approx(0.4), SOME + SOME)
    assert tracker.scope("plan").paid == (0.0, Tokens())


def test_the_day_is_shared_by_builds():
    day = Day(1.0)
    one, two = BudgetTracker(Budget(), day), BudgetTracker(Budget(), day)
    one.scope("plan").charge(0.6, SOME)
    two.scope("plan").charge(0.6, SOME)
    assert one.exhausted() == two.exhausted() == "The budget of the day is used up"


def test_who_watches_is_told_though_the_day_cannot_be_paid():
    tracker, told = BudgetTracker(Budget(usd=1.0), AwayOnce()), []
    with tracker.watched(lambda: told.append(1)), pytest.raises(OutsideError, match="Prefect is away"):
        tracker.scope("tools", "a", 1).charge(1.3, SOME)
    assert told == [1]


def test_all_parts_of_a_payment_are_in_the_book_though_the_day_cannot_be_paid(tmp_path):
    tracker = BudgetTracker(Budget(), AwayOnce(), tmp_path / "log")
    scope = tracker.scope("tools", "a", 1)
    with pytest.raises(OutsideError, match="Prefect is away"):
        tracker.charge(scope.entry(0.7, SOME, 2, "m"), scope.entry(0.6, SOME, 1, "fallback"))
    for each in (tracker, BudgetTracker(Budget(), log=tmp_path / "log")):
        assert {spent.model: (spent.calls, spent.cost_usd) for spent in each.spending} == {
            "m": (2, pytest.approx(0.7)),
            "fallback": (1, pytest.approx(0.6)),
        }


def test_a_build_that_goes_on_has_spent_what_it_had_spent(tmp_path):
    log = tmp_path / "spending.jsonl"
    BudgetTracker(Budget(), log=log).scope("tools", "a", 1).charge(0.3, SOME)
    with log.open("a") as cut_off:
        cut_off.write('{"stage": "tools", "to')
    again = BudgetTracker(Budget(usd=0.5), log=log)
    assert again.spending[0].cost_usd == pytest.approx(0.3)
    again.scope("accept").charge(0.3, SOME)
    assert again.exhausted()
    assert len(BudgetTracker(Budget(), log=log).spending) == 2


def test_who_watches_is_told_when_the_last_money_is_spent():
    tracker, told = BudgetTracker(Budget(usd=1.0)), []
    with tracker.watched(lambda: told.append(1)):
        tracker.scope("plan").charge(0.6, SOME)
        assert told == []
        tracker.scope("plan").charge(0.6, SOME)
    tracker.scope("plan").charge(0.6, SOME)
    assert told == [1]


def test_many_threads_pay_at_once(tmp_path):
    tracker = BudgetTracker(Budget(), log=tmp_path / "log")
    scope = tracker.scope("tools", "a", 1)
    threads = [threading.Thread(target=lambda: [scope.charge(0.01, SOME) for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in (tracker, BudgetTracker(Budget(), log=tmp_path / "log")):
        assert each.spending[0].calls == 400
        assert each.spending[0].cost_usd == pytest.approx(4.0)


def test_a_paid_model_is_not_asked_without_money():
    model, tracker = Model(), BudgetTracker(Budget(usd=0.7))
    paid = MeteredModel(model, tracker.scope("plan"))
    paid.ask([], "plan", {})
    paid.ask([], "plan", {})
    with pytest.raises(BudgetReached):
        paid.ask([], "plan", {})
    assert model.asked == 2
