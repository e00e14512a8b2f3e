import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.site_state import SiteStateConfig, state_of


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", SiteStateConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("page", "state", "status"), [("home", "up", 200), ("old", "gone", 410), ("blog", "down", 500)]
)
def test_through_nat(world, page, state, status):
    assert call(world("usual"), page=page).model_dump() == {"state": state, "status": status}


def test_nobody_answers(world):
    assert call(world("cut"), page="home").model_dump() == {"state": "down", "status": 0}


@pytest.mark.parametrize(
    ("status", "state"),
    [(199, "down"), (200, "up"), (399, "up"), (400, "down"), (404, "gone"), (403, "down"), (410, "gone"), (0, "down")],
)
def test_what_a_status_means(status, state):
    assert state_of(status).state == state
