"""Hollow versions of a tool."""

import ast

import pytest
from tests_support import ROMAN_TOOL

from agenthands.gate.mutation.stubs import hollow, stubs


def body_of(source, name):
    found = [node for node in ast.walk(ast.parse(source)) if getattr(node, "name", "") == name]
    return [ast.unparse(each) for each in found[0].body]


def test_the_function_that_nat_calls_is_replaced_and_no_other():
    made = stubs(ROMAN_TOOL)
    assert {what: body_of(source, "_run")[0] for what, source in made.items()} == {
        "returns None": "return None",
        "echoes its arguments": "return data.model_dump() if hasattr(data, 'model_dump') else data",
        "echoes its first argument": "return next(iter(data.model_dump().values()), None) "
        "if hasattr(data, 'model_dump') else data",
        "raises": "raise RuntimeError('stub')",
    }
    for source in made.values():
        assert body_of(source, "to_roman") == body_of(ROMAN_TOOL, "to_roman")


@pytest.mark.parametrize("call", ["FunctionInfo.from_fn(fn=_run, ", "FunctionInfo.create(single_fn=_run, "])
def test_the_function_is_found_by_keyword_too(call):
    assert stubs(ROMAN_TOOL.replace("FunctionInfo.from_fn(_run, ", call)).keys() == stubs(ROMAN_TOOL).keys()


def as_method(first="self, ", decorator=""):
    service = f"""class Service:
    {decorator}
    async def run({first}data: RomanInput) -> str:
        return to_roman(data.number)


@register_function"""
    return ROMAN_TOOL.replace("@register_function", service).replace("from_fn(_run,", "from_fn(Service().run,")


@pytest.mark.parametrize("source", [as_method(), as_method("", "@staticmethod"), as_method("cls, ", "@classmethod")])
def test_a_method_is_replaced_and_its_object_is_no_argument(source):
    assert source != ROMAN_TOOL
    assert body_of(stubs(source)["echoes its arguments"], "run") == [
        "return data.model_dump() if hasattr(data, 'model_dump') else data"
    ]
    twice = source + "\n\nclass Other:\n    async def run(self, data):\n        return 1\n"
    assert stubs(twice) == {}


def test_a_function_that_is_not_in_the_file_is_not_found():
    assert stubs(ROMAN_TOOL.replace("from_fn(_run,", "from_fn(lambda data: data,")) == {}


def test_hollow_leaves_the_registration_and_what_the_import_needs():
    source = ROMAN_TOOL.replace("SIGNS = [", "SIGNS = table() or [").replace(
        "class RomanInput",
        "def inner():\n    return 1\n\n\ndef table():\n    return inner() and []\n\n\nclass RomanInput",
    )
    empty = hollow(source)
    assert body_of(empty, "to_roman") == body_of(empty, "_run") == ["return None"]
    assert body_of(empty, "table") == ["return inner() and []"]
    assert body_of(empty, "inner") == ["return 1"]
    assert "yield FunctionInfo" in empty


def test_functions_in_a_table_and_fields_of_their_name_are_hollow_too():
    source = """
def one(): return 1
def two(): return 2
def three(): return 3
TABLE = {"one": one}
class Row:
    two: int = 0
MADE = three()
"""
    lines = hollow(source).splitlines()
    bodies = {line.split()[1]: lines[number + 1].strip() for number, line in enumerate(lines) if line.startswith("def")}
    assert bodies == {"one():": "return None", "two():": "return None", "three():": "return 3"}
