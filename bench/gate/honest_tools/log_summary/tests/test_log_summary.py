import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.log_summary import LogSummaryConfig, summarise


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", LogSummaryConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def line(path="/", status=200, size="10", method="GET"):
    return f'9.8.7.6 - - [10/Oct/2024:13:55:36 +0000] "{method} {path} HTTP/1.1" {status} {size} "-" "curl"'


def test_figures():
    log = "\n".join([line("/a?x"), line("/b", 404, "-"), "", line("/a", 201, 5, "POST"), "x"])
    assert summarise(log, []).model_dump() == {
        "requests": 3,
        "bytes": 15,
        "by_status": {"2xx": 2, "4xx": 1},
        "busiest": "/a",
        "unreadable": 1,
    }


def test_nothing():
    assert summarise("  \n", []).model_dump() == {
        "requests": 0,
        "bytes": 0,
        "by_status": {},
        "busiest": None,
        "unreadable": 0,
    }


def test_skip():
    log = "\n".join([line("/health"), line("/healthy"), line("/static/x"), line("/y")])
    assert summarise(log, ["/health", "/static/"]).requests == 1
    assert summarise(log, ["/health", "/static/"]).unreadable == 0


def test_the_first_of_equals():
    assert summarise("\n".join([line("/b"), line("/a")]), []).busiest == "/b"


@pytest.mark.parametrize(
    "text", ["GET /a", line(status=20), line(size="x"), line(method="get"), line().replace("[", ""), " " + line()]
)
def test_unreadable(text):
    found = summarise(text, [])
    assert (found.requests, found.unreadable) == (0, 1)


def test_through_nat():
    assert call(log=line()).requests == 1
    assert call(log=line(), skip=["/"]).requests == 0
