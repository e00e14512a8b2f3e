"""What a build may spend: budgets of the whole, of a tool, of tokens and of a day, and where the money went."""

import threading

import pytest
from coder_support import AwayOnce

from agenthands.errors import BudgetReached, OutsideError
from agenthands.llm.base import ChatAnswer
from agenthands.llm.budget import Budget, PaidModel, Purse
from agenthands.schemas import Tokens

SOME = Tokens(prompt=10, completion=5)


class Day:
    def __init__(self, usd):
        self.usd = usd

    def left(self):
        return self.usd > 0

    def pay(self, usd):
        self.usd -= usd


class Model:
    name = "m"

    def __init__(self):
        self.asked = 0

    def ask(self, messages, schema_name, schema):
        self.asked += 1
        return ChatAnswer(text="{}", cost_usd=0.4, tokens=SOME)


def test_what_was_spent_is_summed_by_stage_tool_and_attempt():
    purse = Purse(Budget())
    purse.account("plan").pay(0.1, SOME)
    for cost in (0.2, 0.3):
        purse.account("tools", "a", 1).pay(cost, SOME, calls=2)
    purse.account("tools", "a", 2).pay(None, Tokens())
    spent = {(each.stage, each.tool, each.attempt): each for each in purse.spending}
    assert spent["plan", "", 0].cost_usd == pytest.approx(0.1)
    assert spent["tools", "a", 1].cost_usd == pytest.approx(0.5)
    assert spent["tools", "a", 1].calls == 4
    assert spent["tools", "a", 1].tokens == SOME + SOME
    assert spent["tools", "a", 2].cost_usd is None


def test_the_budget_of_the_build_ends_every_step():
    purse = Purse(Budget(usd=1.0))
    purse.account("plan").pay(0.4, SOME)
    purse.account("plan").require()
    purse.account("tools", "a", 1).pay(0.7, SOME)
    with pytest.raises(BudgetReached) as caught:
        purse.account("accept").require()
    assert caught.value.message == "The budget of $1.00 is used up: tools a $0.700, plan $0.400."
    assert "--budget" in caught.value.hint


def test_the_budget_of_a_tool_ends_this_tool_alone():
    purse = Purse(Budget(tool_usd=0.5))
    purse.account("tools", "a", 1).pay(0.3, SOME)
    purse.account("tools", "a", 2).pay(0.3, SOME)
    assert purse.account("tools", "a", 3).reached() == "The budget of the tool a of $0.500 is used up"
    assert purse.account("tools", "b", 1).reached() == ""
    assert purse.account("accept").reached() == ""


def test_tokens_count_where_no_price_is_known():
    purse = Purse(Budget(tokens=20))
    purse.account("plan").pay(None, SOME)
    assert purse.reached() == ""
    purse.account("plan").pay(None, SOME)
    assert purse.reached() == "The budget of 20 tokens is used up"


def test_a_budget_in_dollars_cannot_be_kept_without_a_price():
    purse = Purse(Budget(usd=100))
    purse.account("plan").pay(None, SOME)
    assert "cannot be kept" in purse.reached()


def test_a_call_that_was_cut_off_is_in_no_sum_and_is_told(tmp_path):
    account = Purse(Budget(usd=0.5), book=tmp_path / "book").account("accept")
    account.note_cut_off("m")
    account.pay(0.3, SOME, model="m")
    account.note_cut_off("m")
    account.require()
    assert account.paid == (pytest.approx(0.3), SOME)
    again = Purse(Budget(usd=0.5), book=tmp_path / "book").account("accept")
    again.pay(0.3, SOME, model="m")
    with pytest.raises(BudgetReached, match=r"used up: accept \$0.600 and 2 calls cut off at unknown cost\."):
        again.require()


def test_what_an_account_has_paid_is_that_of_its_step_alone():
    purse = Purse(Budget())
    purse.account("accept").pay(0.3, SOME, model="a")
    purse.account("accept").pay(0.1, SOME, model="b")
    purse.account("tools", "a", 1).pay(None, SOME)
    assert purse.account("accept").paid == (pytest.approx(0.4), SOME + SOME)
    assert purse.account("plan").paid == (0.0, Tokens())


def test_the_day_is_shared_by_builds():
    day = Day(1.0)
    one, two = Purse(Budget(), day), Purse(Budget(), day)
    one.account("plan").pay(0.6, SOME)
    two.account("plan").pay(0.6, SOME)
    assert one.reached() == two.reached() == "The budget of the day is used up"


def test_who_watches_is_told_though_the_day_cannot_be_paid():
    purse, told = Purse(Budget(usd=1.0), AwayOnce()), []
    with purse.watched(lambda: told.append(1)), pytest.raises(OutsideError, match="Prefect is away"):
        purse.account("tools", "a", 1).pay(1.3, SOME)
    assert told == [1]


def test_all_parts_of_a_payment_are_in_the_book_though_the_day_cannot_be_paid(tmp_path):
    purse = Purse(Budget(), AwayOnce(), tmp_path / "book")
    account = purse.account("tools", "a", 1)
    with pytest.raises(OutsideError, match="Prefect is away"):
        purse.pay(account.entry(0.7, SOME, 2, "m"), account.entry(0.6, SOME, 1, "fallback"))
    for each in (purse, Purse(Budget(), book=tmp_path / "book")):
        assert {spent.model: (spent.calls, spent.cost_usd) for spent in each.spending} == {
            "m": (2, pytest.approx(0.7)),
            "fallback": (1, pytest.approx(0.6)),
        }


def test_a_build_that_goes_on_has_spent_what_it_had_spent(tmp_path):
    book = tmp_path / "spending.jsonl"
    Purse(Budget(), book=book).account("tools", "a", 1).pay(0.3, SOME)
    with book.open("a") as cut_off:
        cut_off.write('{"stage": "tools", "to')
    again = Purse(Budget(usd=0.5), book=book)
    assert again.spending[0].cost_usd == pytest.approx(0.3)
    again.account("accept").pay(0.3, SOME)
    assert again.reached()
    assert len(Purse(Budget(), book=book).spending) == 2


def test_who_watches_is_told_when_the_last_money_is_spent():
    purse, told = Purse(Budget(usd=1.0)), []
    with purse.watched(lambda: told.append(1)):
        purse.account("plan").pay(0.6, SOME)
        assert told == []
        purse.account("plan").pay(0.6, SOME)
    purse.account("plan").pay(0.6, SOME)
    assert told == [1]


def test_many_threads_pay_at_once(tmp_path):
    purse = Purse(Budget(), book=tmp_path / "book")
    account = purse.account("tools", "a", 1)
    threads = [threading.Thread(target=lambda: [account.pay(0.01, SOME) for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in (purse, Purse(Budget(), book=tmp_path / "book")):
        assert each.spending[0].calls == 400
        assert each.spending[0].cost_usd == pytest.approx(4.0)


def test_a_paid_model_is_not_asked_without_money():
    model, purse = Model(), Purse(Budget(usd=0.7))
    paid = PaidModel(model, purse.account("plan"))
    paid.ask([], "plan", {})
    paid.ask([], "plan", {})
    with pytest.raises(BudgetReached):
        paid.ask([], "plan", {})
    assert model.asked == 2
