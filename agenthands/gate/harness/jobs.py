"""The kinds of jobs: does the tool register as it must, do its tests pass."""

import asyncio

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


JOBS = {"conformance": conformance, "tests": tests}  # calls.py adds its own
