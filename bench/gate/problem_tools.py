"""Wraps a problem of a data set as a NAT tool: its specification, its module, and tests.

A call is {"arguments": {...}, "derived": bool} with "result" or "raises", as `exploring_script.py` gives it.
"""

import ast
import builtins
import json
from dataclasses import dataclass, field

from pydantic import BaseModel

from agenthands.schemas import ToolSpec, hold_out_fault
from bench.gate.json_types import few_values, fits, python_type, schema_of, schema_of_annotation

MAX_EXAMPLES = 24
MIN_EXAMPLES = 6
MAX_TESTS = 8
STUBS = {"returns None": "return None", "echoes": "return {first}", "raises": "raise NotImplementedError"}

TOOL = '''"""{title}"""

{typing}from nat.builder.builder import Builder
from nat.builder.function_info import FunctionInfo
from nat.cli.register_workflow import register_function
from nat.data_models.function import FunctionBaseConfig
from pydantic import BaseModel, Field

{module}


class Arguments(BaseModel):
{fields}


class Config(FunctionBaseConfig, name="{name}"):
    """Configuration of the tool."""


@register_function(config_type=Config)
async def register_tool(config: Config, builder: Builder):
    async def _run(data: Arguments) -> {returns}:
        return {entry}({passed})

    yield FunctionInfo.from_fn(_run, description={description!r})
'''

TESTS = """import asyncio
import json

import pytest
from nat.builder.workflow_builder import WorkflowBuilder

from nat_tools.{name} import Config, {imported}


def plain(value):
    return json.loads(json.dumps(value))


def through_nat(calls):
    async def run():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", Config())
            return [plain(await function.ainvoke(arguments)) for arguments in calls]

    return asyncio.run(run())

{tests}"""


@dataclass(frozen=True)
class Problem:
    """A problem as the data set has it, and the calls that are known of it.

    `module` is the reference solution with the function `entry`; `check` the text of a module whose function `check`
    takes such a function and raises where it is wrong; `said` what is asked, where no docstring says it.
    """

    data_set: str
    task_id: str
    entry: str
    module: str
    check: str
    said: str = ""
    calls: list = field(default_factory=list)

    @property
    def name(self):
        """The tool's name: entry points are not unique, and some have capitals or one letter."""
        return f"{self.entry.lower()[:40]}_{self.task_id.rpartition('/')[2]}"


def specification(problem, calls):
    """Return the tool's specification with `calls` as its examples."""
    parameters = {spec_name(each): schema for each, schema in _parameter_schemas(problem).items()}
    return ToolSpec.model_validate(
        {
            "name": problem.name,
            "description": _description(problem),
            "purpose": f"{problem.task_id} of the data set {problem.data_set}.",
            "parameters": {
                "type": "object",
                "properties": {
                    name: {**schema, "description": _field_description(name)} for name, schema in parameters.items()
                },
                "required": list(parameters),
            },
            "returns": _returns(problem),
            "examples": [_example(call) for call in calls],
        }
    )


def tool_text(problem, module):
    """Return the tool's module around `module`, which has the problem's function."""
    schemas = _parameter_schemas(problem)
    fields = [
        f"    {spec_name(name)}: {python_type(schema)} = Field(description={_field_description(spec_name(name))!r})"
        for name, schema in schemas.items()
    ]
    return TOOL.format(
        title=f"{problem.task_id} of {problem.data_set}.",
        typing=_imports(problem.module),
        module=module.strip("\n"),
        fields="\n".join(fields),
        name=problem.name,
        returns=python_type(_returns(problem)),
        entry=problem.entry,
        passed=", ".join(f"data.{spec_name(name)}" for name in schemas),
        description=_description(problem),
    )


def pinning_tests(problem, calls):
    """Return tests that pin each call: on the plain function, spread over some tests, and all of them through NAT.

    Calls that raise are pinned by the exception's class. A function that pytest would take for a test has another name.
    """
    values = [call for call in calls if "result" in call]
    spread = [values[start::MAX_TESTS] for start in range(min(MAX_TESTS, len(values)))]
    parts = []
    asked = f"the_{problem.entry}" if problem.entry.startswith("test") else problem.entry
    for number, chunk in enumerate(spread):
        lines = [f"    assert plain({asked}(**{call['arguments']!r})) == {call['result']!r}" for call in chunk]
        parts.append(f"\ndef test_values_{number}():\n" + "\n".join(lines) + "\n")
    for number, call in enumerate(call for call in calls if "raises" in call):
        parts.append(
            f"\ndef test_error_{number}():\n    with pytest.raises({call['raises']}):\n"
            f"        {asked}(**{call['arguments']!r})\n"
        )
    arguments = [{spec_name(name): value for name, value in call["arguments"].items()} for call in values]
    results = [call["result"] for call in values]
    parts.append(f"\ndef test_through_nat():\n    assert through_nat({arguments!r}) == {results!r}\n")
    imported = asked if asked == problem.entry else f"{problem.entry} as {asked}"
    return TESTS.format(name=problem.name, imported=imported, tests="\n".join(parts))


def stubbed(problem, body):
    """Return the module with the problem's function hollow."""
    tree = ast.parse(problem.module)
    function = _function(tree, problem.entry)
    function.body = ast.parse(body.format(first=function.args.args[0].arg)).body
    return ast.unparse(tree)


def example_calls(problem):
    """Return the data set's own calls, and others where these are few, or none of them can be held back."""
    own = sampled([call for call in problem.calls if not call["derived"]])
    others = [call for call in problem.calls if call["derived"]]
    fewest = max(0, MIN_EXAMPLES - len(own))
    choices = [own + others[:count] for count in dict.fromkeys((min(fewest, len(others)), len(others)))]
    return next((each for each in choices if not hold_out_fault(specification(problem, each))), choices[0])


def sampled(calls, count=MAX_EXAMPLES):
    """Return at most `count` calls, spread evenly."""
    if len(calls) <= count:
        return list(calls)
    return [calls[number * len(calls) // count] for number in range(count)]


def workspace(problem, spec, tool, tests):
    """Return the files that the gate judges, as texts by their paths."""
    return {
        "spec.json": spec.visible().model_dump_json(indent=1),
        f"nat_tools/{problem.name}.py": tool,
        f"tests/test_{problem.name}.py": tests,
    }


def spec_name(name):
    """Return the parameter's name in the specification: a field of pydantic cannot be called `dict` or `copy`."""
    return f"{name}_value" if hasattr(builtins, name) or hasattr(BaseModel, name) else name


def _imports(module):
    known = module.partition("def ")[0]
    names = [name for name in ("Any", "Literal") if name not in known]
    return f"from typing import {', '.join(names)}\n\n" if names else ""


def _example(call):
    arguments = {spec_name(name): value for name, value in call["arguments"].items()}
    answer = {"expected": call["result"]} if "result" in call else {"raises": call["raises"]}
    return {"arguments": arguments, **answer}


def _parameter_schemas(problem):
    """Return each parameter's schema: what the annotation says where all known values are so, else from the values."""
    found = {}
    for argument in _function(ast.parse(problem.module), problem.entry).args.args:
        values = [call["arguments"][argument.arg] for call in problem.calls]
        stated = schema_of_annotation(ast.unparse(argument.annotation) if argument.annotation else "")
        exact = stated is not None and all(fits(stated, value) for value in values)
        found[argument.arg] = stated if exact else schema_of(values)
    return found


def _returns(problem):
    results = [call["result"] for call in problem.calls if "result" in call]
    return few_values(results) or schema_of(results)


def _function(tree, name):
    return next(node for node in reversed(tree.body) if isinstance(node, ast.FunctionDef) and node.name == name)


def _description(problem):
    said = problem.said or ast.get_docstring(_function(ast.parse(problem.module), problem.entry)) or problem.task_id
    return " ".join(said.split())[:600]


def _field_description(name):
    return f"The argument {json.dumps(name)}."
