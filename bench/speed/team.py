"""The line `team`: what the acceptance of a team of four adds, the model excluded.

    python -m bench.speed.team [--times 5]

A lead, two agents with a tool each and a writer are asked four test cases, by a model that answers at once. The agent
is loaded by a fork of an interpreter that has imported NAT, and then by one of its own; the first of the forks pays
for the import.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from agenthands.environments.nat_registry import read_registry
from agenthands.environments.uv import UvInstaller
from agenthands.errors import ModelUnavailable
from agenthands.evaluation.acceptance import accept_agent
from agenthands.evaluation.installed_agent import Reach
from agenthands.llm.budget import Budget, BudgetTracker
from agenthands.llm.gateway.server import LitellmGateway
from agenthands.llm.settings import ModelSettings
from agenthands.packaging.bundle import install_bundle, pack
from agenthands.packaging.package import assemble_agent
from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agenthands.schemas import Plan
from agenthands.settings import Settings
from bench.measuring import ROOT, adopt_orphans, cpu_seconds, reap_orphans, save
from bench.speed.cpu_parts import NewInterpreters

sys.path.insert(0, str(ROOT / "tests" / "support"))
from scripted_server import serve_model
from tests_support import PLAN, write_roman

ASKED = ("numerals", "clock", "writer")


class NoJudge:
    """Gives no opinion."""

    name = "none"

    def ask(self, *_):
        """Refuse."""
        raise ModelUnavailable("Nobody is asked for an opinion here.")


def member(name, kind="tool_calling_agent", tools=()):
    """Return an agent that says who it is in its instructions."""
    job = f"JOB-{name}: do your work."
    return {"name": name, "description": f"Does {name}.", "instructions": job, "type": kind, "tools": list(tools)}


def team():
    """Return the plan."""
    agents = [
        member("lead", tools=ASKED),
        member("numerals", tools=["roman_numeral"]),
        member("clock", tools=["current_datetime"]),
        member("writer", "chat_completion"),
    ]
    case = {**PLAN["test_cases"][0], "checks": [{"kind": "agent_called", "value": name} for name in ASKED]}
    cases = [{**case, "id": f"case-{number}"} for number in range(4)]
    return Plan.model_validate({**PLAN, "agents": agents, "entry": "lead", "mcp_servers": [], "test_cases": cases})


def model(call):
    """Answer as the member that asks: the lead asks all others at once, the others their tool."""
    texts = [str(each.get("content")) for each in call["messages"]]
    offered = [tool["function"]["name"] for tool in call.get("tools") or []]
    if any(each["role"] == "tool" for each in call["messages"]) or not offered:
        return {"content": f"It is so: {texts[-1]}", "tool_calls": []}
    given = {"roman_numeral": {"number": 1994}, "current_datetime": {"unused": ""}}
    calls = [(name, given.get(name, {"question": "1994?"})) for name in offered]
    return {"content": "", "tool_calls": calls}


def accepted(sandbox, agent, plan, settings, short):
    """Accept once; return wall and CPU seconds, of this process and its sandboxes together."""
    reap_orphans()
    before, started = sum(cpu_seconds()), time.monotonic()
    scope = BudgetTracker(Budget()).scope("accept")
    with LitellmGateway(settings).open(short / "model.sock", scope) as gateway:
        done = accept_agent(agent, plan.test_cases, sandbox, Reach(gateway), NoJudge(), 120)
    wall = time.monotonic() - started
    reap_orphans()
    if not done.passed:
        sys.exit(f"The team is rejected: {done.reason}")
    return {"wall": round(wall, 2), "cpu": round(sum(cpu_seconds()) - before, 2)}


def main(times):
    """Measure and save."""
    adopt_orphans()
    plan, environments = team(), UvInstaller(Settings().home)
    environment = environments.nat()
    with tempfile.TemporaryDirectory(dir="/tmp") as place, serve_model(model) as served:
        folder = Path(place)
        registry = read_registry(environment, BubblewrapSandbox(), folder)
        tools = {"roman_numeral": write_roman(folder / "tool")}
        settings = ModelSettings(model="openai/double", api_base=served.url, api_key="x")
        files = assemble_agent(plan, tools, [], registry, environment.lock, settings)
        agent = install_bundle(pack(files, plan.name), plan, [], environments, folder / "agent")
        found = {}
        for name, sandbox in (("prepared", BubblewrapSandbox()), ("new interpreters", NewInterpreters())):
            lines = [accepted(sandbox, agent, plan, settings, folder) for _ in range(times + 1)]
            found[name] = {"first": lines[0], "then": sorted(lines[1:], key=lambda line: line["cpu"])[times // 2]}
    save("team", {"cases": len(plan.test_cases), "agents": len(plan.agents), **found})
    print(found)


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--times", type=int, default=5)
    main(asked.parse_args().times)
