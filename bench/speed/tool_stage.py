"""One run of AgentHands' tool stage in this process, as `agenthands build` has it: Prefect, coder, gate. Prints JSON.

    python -m bench.speed.tool_stage PLAN.json URL PARALLEL

The stage alone is measured: the plan is there, the server answers, the SDK is imported, as when a planner has answered.
"""

import json
import os
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

from agenthands._util.fast_import import fast_import
from bench.measuring import adopt_orphans, cpu_seconds, reap_orphans, server_cpu, stop_counting

os.environ.update(PREFECT_SERVER_ANALYTICS_ENABLED="false", PREFECT_LOGGING_LEVEL="CRITICAL", DO_NOT_TRACK="1")
os.environ.update(PREFECT_LOGGING_ROOT_LEVEL="CRITICAL", OPENAI_API_KEY="none")


def main(plan, url, parallel):
    """Start what a build starts, run the stage, print what it took."""
    from agenthands.cli.commands import leave
    from agenthands.flows.server.embedded import prefect_server
    from agenthands.settings import load_settings
    from agenthands.tasks.dependencies import settings_for, warm_up

    adopt_orphans()
    with tempfile.TemporaryDirectory() as store, prefect_server(load_settings().home, 0) as wait_for_server:
        from agenthands.schemas import BuildOptions

        options = BuildOptions(planner="openai/scripted", api_base=url, store=store, parallel=parallel)
        warm_up(settings_for(options))
        tool_stage = _flow()
        with wait_for_server():
            result = tool_stage(json.loads(Path(plan).read_text()), options)
    print(json.dumps(result), flush=True)
    stop_counting()
    leave(0)


def _flow():
    with fast_import("prefect"):
        from prefect import flow

        from agenthands.flows.build_tool import build_tools
        from agenthands.schemas import Plan
        from agenthands.tasks.environment import prepare_environment
        from agenthands.tasks.lifecycle import start_build

    @flow(name="tool-stage")
    def tool_stage(plan, options):
        build = start_build("measure the tool stage", options)
        base = prepare_environment(build)
        reap_orphans()
        before, server, rss, started = cpu_seconds(), server_cpu(), _rss(), time.monotonic()
        outcomes, error = build_tools(build, Plan.model_validate(plan), base)
        wall, after, server = time.monotonic() - started, cpu_seconds(), server_cpu() - server
        reap_orphans()
        if error or any(each.status != "accepted" for each in outcomes):
            sys.exit(f"{error} {[each.reason for each in outcomes]}")
        return {
            "wall": wall,
            "cpu_factory": after[0] - before[0],
            "cpu_server": server,
            "cpu_sandboxes": cpu_seconds()[1] - before[1],
            "gate_seconds": [each.gate.seconds for each in outcomes],
            "rss_before_mb": rss,
            "rss_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
            "threads": threading.active_count(),
        }

    return tool_stage


def _rss():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
