"""The line `cpu`: where the CPU seconds of one tool go, the model excluded.

    python -m bench.speed.cpu_parts [--tools 4]

Each part is done once to warm up and then `--tools` times, all in one process, and the mean is given. Imports happen
once a factory. What Prefect and the rest of the factory add is the tool stage (line `seed`) less these parts.

The other way is the same with an interpreter of its own for each command, and not a fork of a prepared one.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from agenthands.coding.openhands.agent import OpenHandsCoder
from agenthands.coding.tool_coder import CodingLimits, generate_tool
from agenthands.environments.nat_registry import read_registry
from agenthands.environments.uv import UvInstaller
from agenthands.gate.gate import judge
from agenthands.llm.budget import Budget, BudgetTracker
from agenthands.llm.settings import ModelSettings
from agenthands.packaging import package as assembly
from agenthands.packaging.bundle import pack
from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agenthands.schemas import BuildOptions, BuildRequest, Plan
from agenthands.settings import Settings, load_settings
from agenthands.store.workdirs import BuildContext, ToolWorkspace
from bench.measuring import adopt_orphans, cpu_seconds, measure, reap_orphans, save
from bench.speed.many_tools import names, plan_of, served, write_script


class NewInterpreters(BubblewrapSandbox):
    """Starts an interpreter for each command."""

    def run(self, command):
        """Run it as one that nothing is prepared for."""
        return super().run(replace(command, prepared=None))

    def shell(self, command, folder):
        """Return a shell that starts its pythons itself."""
        return super().shell(replace(command, prepared=None), folder)


IMPORTS = {
    "factory: wiring, Prefect, flows": "import agenthands.tasks.dependencies, agenthands.flows.build_agent",
    "factory: litellm, OpenHands": "import litellm, openhands.sdk, openhands.tools",
    "embedded Prefect server": "from prefect.server.api.server import create_app; create_app(ephemeral=True)",
}


def mean(action, items):
    """Do it once for the first item, then for each other; give mean CPU seconds here, in sandboxes, and wall."""
    action(items[0])
    reap_orphans()
    before, started = cpu_seconds(), time.monotonic()
    for item in items[1:]:
        action(item)
    wall = time.monotonic() - started
    reap_orphans()
    count = len(items) - 1
    factory, sandboxes = ((after - first) / count for after, first in zip(cpu_seconds(), before, strict=True))
    return {"factory": round(factory, 3), "sandboxes": round(sandboxes, 3), "wall": round(wall / count, 2)}


def parts(count, url, folder, sandbox):
    """Measure coder, gate and assembly."""
    environment = UvInstaller(Settings().home).nat()
    plan = Plan.model_validate(plan_of(count + 1))
    build = BuildContext(build_id="bench", request=BuildRequest(request="measure"), folder=folder / "build")
    settings = load_settings(BuildOptions(planner="openai/scripted", api_base=url))
    coder = OpenHandsCoder(settings.model("coder"), settings.home)
    works = [ToolWorkspace(build, tool, environment, folder / "work" / tool.name) for tool in plan.custom_tools]
    scope = BudgetTracker(Budget()).scope("tools")
    limits = CodingLimits(600, 60, 1, scope, settings.model_config_file().agent.text)
    reports = []

    def code(work):
        assert generate_tool(work, 1, None, coder, sandbox, limits).status == "finished"

    def gate(work):
        reports.append(judge(work.tool, work.workspace, environment, sandbox, 600))
        assert reports[-1].accepted, reports[-1].failures()

    registry = read_registry(environment, sandbox, folder)
    workspaces = {work.tool.name: work.workspace for work in works}

    def assemble(_):
        pack(
            assembly.assemble_agent(plan, workspaces, [], registry, environment.lock, ModelSettings(model="x/y")),
            plan.name,
        )

    result = {"coder": mean(code, works), "gate": mean(gate, works), "assembly": mean(assemble, works)}
    result["mutants"] = next(check.detail for check in reports[0].checks if check.name == "mutation")
    return result


def terminal_cost(folder):
    """Return the CPU seconds of one `python -m pytest` of an agent, and of Python alone, in a sandbox."""
    from agenthands.coding.tool_coder import shell_command
    from agenthands.sandbox.base import Limits

    environment, sandbox = UvInstaller(Settings().home).nat(), BubblewrapSandbox()
    name = names(1)[0]
    costs = {}
    for what, arguments in {"pytest": ["-m", "pytest", "-q", f"tests/test_{name}.py"], "python": ["-c", "0"]}.items():
        command = shell_command(folder / "work" / name / "workspace", environment, [])
        command = replace(command, argv=["python", *arguments], prepared=None, limits=Limits(seconds=120))
        found = mean(lambda _, command=command: sandbox.run(command), range(4))
        costs[what] = round(found["factory"] + found["sandboxes"], 3)
    return costs


def main():
    """Measure, print, save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tools", type=int, default=4)
    count = parser.parse_args().tools
    os.environ["OPENAI_API_KEY"] = "none"
    adopt_orphans()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_script(folder, count + 1)
        with served(folder, 0) as url:
            result = parts(count, url, folder, BubblewrapSandbox())
            result["one command of an agent"] = terminal_cost(folder)
            result["new interpreters"] = parts(count, url, folder / "new", NewInterpreters())
    result["imports, once a factory"] = {
        what: round(min(measure([sys.executable, "-c", code])["cpu"] for _ in range(2)), 2)
        for what, code in IMPORTS.items()
    }
    print(json.dumps(result, indent=1))
    save("cpu", {"tools": count, **result})


if __name__ == "__main__":
    main()
