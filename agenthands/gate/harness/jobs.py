"""The kinds of jobs: does the tool register as it must, do its tests pass, what does it answer."""

import asyncio
import contextlib
import json
import signal
import time

from agenthands.gate.harness.conditions import conditions
from agenthands.gate.harness.pytest_run import measured, tests
from agenthands.gate.harness.worlds import Built, config_values, settings_of


def load_tool(request):
    """Import the tool and give NAT's registrations that its module made."""
    import importlib

    from nat.cli.type_registry import GlobalTypeRegistry

    before = {id(info) for info in GlobalTypeRegistry.get().get_registered_functions()}
    importlib.import_module(f"nat_tools.{request['tool']}")
    return [info for info in GlobalTypeRegistry.get().get_registered_functions() if id(info) not in before]


def conformance(request, job):
    """Import the tool under NAT and look at what it registered."""
    with conditions(request, job):
        return registered(request)


def registered(request):
    """Look at what NAT knows of the tool once it is imported."""
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
            function = await builder.add_function("tool", config(**config_values(request)))
            if not function.has_single_output:
                return {"ok": False, "error": "the function must give one result, not a stream"}
            return {
                "ok": True,
                "description": function.description or "",
                "input_schema": function.input_schema.model_json_schema() if function.input_schema else {},
                **settings_of(request, config),
            }

    return asyncio.run(look())


def calls(request, job):
    """Call the tool through NAT with each of the given arguments, as many as the job's `budget` of CPU time allows."""
    from nat.builder.workflow_builder import WorkflowBuilder

    async def one(function, arguments):
        try:
            with bounded_call(job.get("call_seconds")):
                result = await function.ainvoke(arguments)
        except Slow:
            return {"slow": True}
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
        answers = []
        async with WorkflowBuilder() as builder:
            built = Built(request, job)
            await built.build(builder, found[0].config_type)
            ends = time.process_time() + job.get("budget", float("inf"))
            for index, arguments in enumerate(job["arguments"]):
                if time.process_time() > ends:
                    break
                answers.append(await one(built.enter(index, arguments), arguments))
                built.leave()
        return answers

    with conditions(request, job), measured(request, job) as covered:
        found = load_tool(request)
        answers = asyncio.run(all_calls())
    return {"ok": True, "calls": answers, **covered}


class Slow(BaseException):
    """A call took too long; nothing that catches errors should catch this."""


@contextlib.contextmanager
def bounded_call(seconds):
    """Raise Slow where the block takes more CPU time than that."""

    def late(number, frame):
        raise Slow

    if seconds:
        signal.signal(signal.SIGVTALRM, late)
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        if seconds:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)


JOBS = {"conformance": conformance, "tests": tests, "calls": calls}
