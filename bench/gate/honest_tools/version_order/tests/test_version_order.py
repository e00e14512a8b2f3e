import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.version_order import VersionOrderConfig, Version, newest


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", VersionOrderConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


ORDER = [
    "0.9.9",
    "1.0.0-1",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.0",
]


def test_order():
    assert [each.text for each in sorted(map(Version, reversed(ORDER)))] == ORDER


def test_equality():
    assert Version("v1.0.0") == Version("1.0.0")
    assert Version("1.0.0") != Version("1.0.0-a")
    assert Version("1.0.0") != "1.0.0"
    assert len({Version("1.0.0"), Version("1.0.0")}) == 1


@pytest.mark.parametrize("text", ["", "1", "1.2", "1.2.3.4", "a.b.c", "1.2.3-", "1.2.3-ä", "vv1.2.3"])
def test_no_version(text):
    with pytest.raises(ValueError, match="is no version"):
        Version(text)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (None, "2.0.0"),
        ("1.0.1", "1.10.0"),
        ("1.10.0", "1.10.0"),
        ("1.10.1", None),
        ("0.0.1", "0.9.9"),
        ("2.0.0-rc.1", "2.0.0"),
        ("3.0.0", None),
    ],
)
def test_newest(wanted, found):
    assert newest(ORDER, wanted) == found


def test_previews_alone():
    assert newest(["1.0.0-rc.1"], None) is None


def test_through_nat():
    assert call(versions=["1.10.0", "1.9.0"]) == {"sorted": ["1.9.0", "1.10.0"], "newest": "1.10.0"}
    assert call(versions=["1.10.0", "2.0.0"], compatible_with="1.0.0")["newest"] == "1.10.0"
