import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.json_diff import JsonDiffConfig, changes, diff


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", JsonDiffConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("$.a", "changed")]),
        ({"a": 1}, {}, [("$.a", "removed")]),
        ({}, {"b": 1, "a": 1}, [("$.a", "added"), ("$.b", "added")]),
        ([1, 2, 3], [1, 5], [("$[1]", "changed"), ("$[2]", "removed")]),
        ([], [[], {}], [("$[0]", "added"), ("$[1]", "added")]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, [("$.a[0].b", "changed")]),
        (1, 1.0, [("$", "changed")]),
        (True, 1, [("$", "changed")]),
        ([], {}, [("$", "changed")]),
        ({}, [], [("$", "changed")]),
        ("x", "x", []),
    ],
)
def test_changes(before, after, found):
    assert [(each["path"], each["kind"]) for each in changes(before, after)] == found


@pytest.mark.parametrize(("before", "after"), [("{", "{}"), ("{}", "")])
def test_no_json(before, after):
    with pytest.raises(ValueError):
        diff(before, after)


def test_through_nat():
    assert call(before='{"a": 1}', after="{}") == [{"path": "$.a", "kind": "removed"}]
