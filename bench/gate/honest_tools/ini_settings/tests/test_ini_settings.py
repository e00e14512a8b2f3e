import asyncio

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.ini_settings import IniSettingsConfig, read, typed


def call(**arguments):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", IniSettingsConfig())
            return await function.ainvoke(arguments)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("True", True),
        ("ON", True),
        ("no", False),
        ("false", False),
        ("off", False),
        ("7", 7),
        ("-7", -7),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("x", "x"),
        ("", ""),
    ],
)
def test_values(text, value):
    assert typed(text) == value
    assert type(typed(text)) is type(value)


def test_all_sections():
    assert read("[a]\nX = 1\n[b]\ny: %(x)s\n[c]") == {"a": {"x": 1}, "b": {"y": "%(x)s"}, "c": {}}


def test_one_section():
    assert read("[a]\nx=1\n[b]\ny=2", "b") == {"b": {"y": 2}}


@pytest.mark.parametrize(
    ("text", "section", "said"),
    [
        ("x = 1", None, "no section headers"),
        ("[a]\nx=1\nx=2", None, "already exists"),
        ("[a]", "b", "no section 'b'"),
        ("[a]", "", "no section ''"),
    ],
)
def test_refused(text, section, said):
    with pytest.raises(ValueError, match=said):
        read(text, section)


def test_through_nat():
    assert call(text="[a]\nx=on") == {"a": {"x": True}}
    assert call(text="[a]\nx=on\n[b]", section="b") == {"b": {}}
