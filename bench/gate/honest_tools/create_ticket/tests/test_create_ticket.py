import asyncio
import json

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.create_ticket import CreateTicketConfig


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", CreateTicketConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def test_urgent(world):
    assert call(world("usual"), title="Printer is on fire", urgent=True) == 4711
    [request] = world.requests()
    assert json.loads(request["body"]) == {"title": "Printer is on fire", "priority": "high", "source": "agent"}


def test_not_urgent(world):
    assert call(world("usual"), title="No paper") == 4712


def test_refused(world):
    with pytest.raises(ValueError, match="refuses the ticket: looks like spam"):
        call(world("usual"), title="Spam")


def test_a_wrong_token(world):
    with pytest.raises(PermissionError, match="DESK_TOKEN"):
        call(world("denied"), title="No paper")


def test_an_outage(world):
    with pytest.raises(RuntimeError, match="status 500; no ticket"):
        call(world("down"), title="No paper")
    assert len(world.requests()) == 1
