"""Runs in a sandbox with the Python of the NAT environment: imports compiled tools, and calls them as their examples.

Reads the job, and writes what became of each tool as one JSON object.
"""

import asyncio
import importlib
import json
import os
import sys
import traceback
from pathlib import Path


async def called(builder, number, job, worlds):
    """Return what is wrong with a tool: empty where each call gives what its world says."""
    from nat.data_models.function import FunctionBaseConfig

    module = importlib.import_module(f"nat_tools.{job['name']}")
    config = next(
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, FunctionBaseConfig) and each.__module__ == module.__name__
    )
    function = await builder.add_function(f"tool_{number}", config(**job["config"]))
    for call in job["calls"]:
        worlds.enter(call["world"])
        try:
            given = await function.ainvoke(call["arguments"])
        except Exception as error:
            if call.get("raises") not in [each.__name__ for each in type(error).__mro__]:
                return f"in {call['world']}: raised {type(error).__name__}: {str(error)[:300]}"
        else:
            if "raises" in call or given != call["expected"]:
                return (
                    f"in {call['world']}: gave {json.dumps(given)[:200]}, not {json.dumps(call.get('expected'))[:200]}"
                )
        finally:
            worlds.leave()
    return ""


async def main():
    """Do the job."""
    job = json.load(sys.stdin)
    sys.path[:0] = [job["folder"], job["inside"]]
    from agenthands_world import Worlds
    from nat.builder.workflow_builder import WorkflowBuilder

    worlds = Worlds(json.loads(Path(os.environ["AGENTHANDS_WORLDS"]).read_text()), str(Path.cwd()))
    found = {}
    async with WorkflowBuilder() as builder:
        for number, tool in enumerate(job["tools"]):
            try:
                importlib.import_module(f"nat_tools.{tool['name']}")
            except Exception:
                found[tool["name"]] = ["import", traceback.format_exc()[-400:]]
                continue
            try:
                fault = await called(builder, number, tool, worlds)
            except Exception:
                fault = traceback.format_exc()[-400:]
            found[tool["name"]] = ["answer", fault] if fault else ["", ""]
    print(json.dumps(found))


asyncio.run(main())
