import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.order_state import OrderStateConfig, MOVES, Event, State, follow, is_final


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", OrderStateConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("start", "event", "end"),
    [
        ("new", "pay", "paid"),
        ("new", "cancel", "cancelled"),
        ("paid", "ship", "shipped"),
        ("paid", "cancel", "cancelled"),
        ("shipped", "deliver", "delivered"),
        ("delivered", "return", "cancelled"),
    ],
)
def test_moves(start, event, end):
    order = follow([Event(event)], State(start))
    assert order.state == end
    assert order.history == [f"{start} -> {end}"]


def test_all_other_moves_are_refused():
    refused = 0
    for state in State:
        for event in Event:
            if (state, event) not in MOVES:
                with pytest.raises(ValueError, match=f"an order that is {state} cannot {event}"):
                    follow([event], state)
                refused += 1
    assert refused == 19


def test_final():
    assert [state for state in State if is_final(state)] == [State.CANCELLED]


def test_through_nat():
    assert call(events=["pay", "ship"]) == {
        "state": "shipped",
        "history": ["new -> paid", "paid -> shipped"],
        "final": False,
    }
    assert call(events=["cancel"], start="paid")["final"] is True
    assert call(events=[])["state"] == "new"


def test_each_order_has_its_own_history():
    follow([Event.PAY], State.NEW)
    assert follow([], State.NEW).history == []
