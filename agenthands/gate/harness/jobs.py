"""The kinds of jobs: does the tool register as it must, do its tests pass, what does it answer."""

import asyncio
import json

from agenthands.gate.harness.conditions import conditions
from agenthands.gate.harness.pytest_run import tests


def load_tool(request):
    """Import the tool and give NAT's registrations that its module made."""
    import importlib

    from nat.cli.type_registry import GlobalTypeRegistry

    before = {id(info) for info in GlobalTypeRegistry.get().get_registered_functions()}
    importlib.import_module(f"nat_tools.{request['tool']}")
    return [info for info in GlobalTypeRegistry.get().get_registered_functions() if id(info) not in before]


def conformance(request, job):
    """Import the tool under NAT and look at what it registered."""
    from nat.builder.workflow_builder import WorkflowBuilder
    from nat.data_models.function import FunctionBaseConfig

    found = load_tool(request)
    names = [info.config_type.static_type() for info in found]
    if names != [request["tool"]]:
        return {"ok": False, "error": f"NAT sees the registered names {names}; it must be [{request['tool']!r}]"}
    config = found[0].config_type
    needed = [name for name, field in config.model_fields.items() if field.is_required()]
    if needed:
        return {"ok": False, "error": f"{config.__name__}() must work without values; give {needed} a default"}
    if not issubclass(config, FunctionBaseConfig):
        return {"ok": False, "error": f"{config.__name__} must be a FunctionBaseConfig"}

    async def look():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", config())
            if not function.has_single_output:
                return {"ok": False, "error": "the function must give one result, not a stream"}
            return {
                "ok": True,
                "description": function.description or "",
                "input_schema": function.input_schema.model_json_schema() if function.input_schema else {},
            }

    return asyncio.run(look())


def calls(request, job):
    """Call the tool through NAT with each of the given arguments."""
    from nat.builder.workflow_builder import WorkflowBuilder

    async def one(function, arguments):
        try:
            result = await function.ainvoke(arguments)
        except Exception as error:
            return {"raises": [cls.__name__ for cls in type(error).__mro__], "message": str(error)[:500]}
        if hasattr(result, "model_dump"):
            result = result.model_dump(mode="json")
        try:
            json.dumps(result, allow_nan=False)
        except (TypeError, ValueError) as error:
            return {"raises": ["NotJson"], "message": f"the result is no JSON: {error}"}
        return {"result": result}

    async def all_calls():
        async with WorkflowBuilder() as builder:
            function = await builder.add_function("tool", found[0].config_type())
            return [await one(function, arguments) for arguments in job["arguments"]]

    with conditions(request, job):
        found = load_tool(request)
        return {"ok": True, "calls": asyncio.run(all_calls())}


JOBS = {"conformance": conformance, "tests": tests, "calls": calls}
