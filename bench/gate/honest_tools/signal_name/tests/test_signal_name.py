import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.signal_name import SignalNameConfig, explain


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", SignalNameConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (0, "success"),
        (1, "general error"),
        (2, "wrong usage"),
        (126, "cannot be executed"),
        (127, "not found"),
        (3, "error of the program itself"),
        (128, "error of the program itself"),
        (255, "error of the program itself"),
    ],
)
def test_exits(status, meaning):
    assert explain(status) == {"meaning": meaning, "signal": None, "kind": "exit"}


@pytest.mark.parametrize(
    ("number", "name", "what"),
    [
        (1, "SIGHUP", "asked"),
        (2, "SIGINT", "asked"),
        (15, "SIGTERM", "asked"),
        (9, "SIGKILL", "forced"),
        (11, "SIGSEGV", "fault"),
        (4, "SIGILL", "fault"),
        (8, "SIGFPE", "fault"),
        (6, "SIGABRT", "fault"),
        (7, "SIGBUS", "fault"),
        (13, "SIGPIPE", "other"),
    ],
)
def test_signals(number, name, what):
    assert explain(128 + number) == {"meaning": f"ended by {name}", "signal": number, "kind": what}


@pytest.mark.parametrize("status", [-1, 256])
def test_bounds(status):
    with pytest.raises(ValueError):
        call(status=status)


def test_through_nat():
    assert call(status=143)["meaning"] == "ended by SIGTERM"
    assert call(status=255)["kind"] == "exit"
