import asyncio

import pytest
import requests
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.open_issues import OpenIssuesConfig, by_label


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", OpenIssuesConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def test_all_pages_are_counted(world):
    config = world("usual")
    assert call(config, repository="acme/shop") == {"bug": 3, "docs": 2, "none": 1}
    assert len(world.requests()) == 3


def test_a_full_last_page(world):
    assert call(world("usual"), repository="acme/two") == {"idea": 1, "ui": 1}


def test_no_issues(world):
    config = world("usual")
    assert call(config, repository="acme/empty") == {}
    assert len(world.requests()) == 1


def test_unknown(world):
    with pytest.raises(ValueError, match="no repository 'acme/gone'"):
        call(world("usual"), repository="acme/gone")


def test_wrong_token(world):
    with pytest.raises(PermissionError, match="GIT_TOKEN"):
        call(world("denied"), repository="acme/shop")


def test_another_failure_is_told(world):
    world("usual")
    with pytest.raises(requests.HTTPError):
        by_label("acme/unrecorded", "dummy-git-token")
