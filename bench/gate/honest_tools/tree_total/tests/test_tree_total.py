import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.tree_total import TreeTotalConfig, Folder, largest, sizes


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", TreeTotalConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


TREE = Folder(
    name="a",
    files={"x": 5, "y": 1},
    folders=[Folder(name="b", files={"z": 7}), Folder(name="c", folders=[Folder(name="d", files={"w": 2})])],
)


def test_sizes():
    assert sizes(TREE) == {"/a/b": 7, "/a/c/d": 2, "/a/c": 2, "/a": 15}
    assert list(sizes(TREE))[-1] == "/a"


def test_an_empty_folder():
    assert sizes(Folder(name="e")) == {"/e": 0}


def test_largest_first_then_by_path():
    assert largest(TREE) == [("/a", 15), ("/a/b", 7), ("/a/c", 2), ("/a/c/d", 2)]


@pytest.mark.parametrize(("at_least", "count"), [(0, 4), (2, 4), (3, 2), (7, 2), (8, 1), (16, 0)])
def test_small_folders_are_left_out(at_least, count):
    assert len(largest(TREE, at_least)) == count


def test_through_nat():
    assert call(root={"name": "a", "files": {"x": 0}, "folders": [{"name": "b"}]}) == [("/a", 0), ("/a/b", 0)]
    assert call(root={"name": "a", "files": {"x": 1}}, at_least=2) == []
    with pytest.raises(ValueError):
        call(root={"name": "a"}, at_least=-1)
