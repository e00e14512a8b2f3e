import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.log_errors import LogErrorsConfig, counted


def call(config, **arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", LogErrorsConfig(**config))
            return await function.ainvoke(arguments)

    return asyncio.run(run())


def pairs(found):
    return [(each["word"], each["times"]) for each in found]


def test_the_most_frequent_first(world):
    assert pairs(call(world("usual"), level="ERROR")) == [("disk", 2), ("net", 1)]


def test_lines_that_belong_to_an_entry(world):
    assert pairs(call(world("usual"), level="WARNING")) == [("slow", 1)]


def test_an_empty_log(world):
    assert call(world("empty"), level="INFO") == []


def test_no_log(world):
    with pytest.raises(FileNotFoundError):
        call(world("none"), level="INFO")


def test_what_is_no_text(tmp_path):
    (tmp_path / "log").write_bytes(b"\xff\xfe\n2027-03-01 08:05:00 ERROR disk\n")
    assert pairs(counted(tmp_path / "log", "ERROR")) == [("disk", 1)]
