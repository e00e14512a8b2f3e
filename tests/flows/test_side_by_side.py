"""Steps of different tools do not wait for each other, though they are called the same."""

import os
import subprocess
import sys

import pytest
from patience import patient

pytestmark = pytest.mark.slow

BUILD = """
import sys, threading
from pathlib import Path
from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner
from agenthands.schemas import BuildOptions
from agenthands.tasks.result_cache import cached, cached_in_folder
from agenthands.tasks.locks import locks_for
from agenthands.tasks.dependencies import settings_for

folder, both = Path(sys.argv[1]), threading.Barrier(2, timeout=150)
settings = settings_for(BuildOptions(store=str(folder / "store")))

@task
def step():
    both.wait()
    return 1

@task
def tool(name):
    return cached_in_folder(step, "generate-1", folder / name)()

@flow
def build():
    with ThreadPoolTaskRunner(max_workers=2) as runner:
        futures = [runner.submit(cached(tool, f"tools/{name}", settings), {"name": name}) for name in ("one", "other")]
        return [future.result() for future in futures]

# What is made elsewhere on this machine, and called the same, is being kept just now.
locks_for(settings).acquire_lock("generate-1.json", "another build", 0)
print(build())
"""

A_TOOL_THAT_FAILS = """
import sys
from pathlib import Path
from prefect import flow
import agenthands.flows.build_tool as tools
from agenthands.errors import ModelUnavailable
from agenthands.schemas import BuildOptions, BuildRequest, Plan
from agenthands.llm.scripted.provider import SCRIPTS
from agenthands.store.workdirs import BuildContext, ToolWorkspace
from agenthands.tasks.result_cache import cached, lock_if_free
from agenthands.tasks.dependencies import settings_for

options = BuildOptions(store=sys.argv[1] + "/store")
settings, request = settings_for(options), BuildRequest(request="a report", **options.model_dump())
build = BuildContext(build_id="b", request=request, folder=Path(sys.argv[1]))
plan = Plan.model_validate_json((SCRIPTS / "data-report" / "plan.json").read_text())
work = ToolWorkspace(build, plan.custom_tools[0], None, Path(sys.argv[1]) / "tool")

def fails(work):
    raise ModelUnavailable("It is away.")

def collect_artifacts(work):
    with lock_if_free("tools/key", settings) as free:
        print("free" if free else "held")
    return {}

tools.build_tool, tools.collect_artifacts = fails, collect_artifacts

@flow
def whole():
    return cached(tools.make_tool, "tools/key", settings)(work, return_state=True)

print(whole(return_state=True).type.value)
"""


def test_nobody_else_works_at_a_tool_while_what_was_done_of_it_is_handed_over(prefect_api, tmp_path):
    variables = {**os.environ, **prefect_api, "AGENTHANDS_HOME": str(tmp_path / "home")}
    argv = [sys.executable, "-c", A_TOOL_THAT_FAILS, str(tmp_path)]
    done = subprocess.run(argv, env=variables, capture_output=True, text=True, timeout=patient(200))
    assert done.stdout == "held\nFAILED\n", done.stderr


def test_two_tools_are_written_and_kept_at_once(prefect_api, tmp_path):
    variables = {**os.environ, **prefect_api, "AGENTHANDS_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(tmp_path)],
        env=variables,
        capture_output=True,
        text=True,
        timeout=patient(200),
    )
    assert done.stdout == "[1, 1]\n", done.stderr
    assert sorted(each.parent.name for each in tmp_path.glob("*/generate-1.json")) == ["one", "other"]
