"""The line `memory`: peak memory of the tool stage by number of agents at once, factory and sandboxes apart.

    python -m bench.speed.memory [--agents 1,8,32,64] [--processes 1,8,32] [--latency 2]

The latency keeps all agents alive at the same time. A sandbox's memory is its proportional share (PSS); a factory's is
what it has in memory (RSS), all threads of all agents included.

The other way is a process for each agent, as the seed has it, all at once; each counts with its proportional share.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from agenthands.environments.uv import UvInstaller
from agenthands.settings import Settings
from bench.measuring import ROOT, PeakMemory, measure, save, share
from bench.speed.many_tools import plan_of, served, write_script


def in_one_factory(count, url, folder):
    """Run the tool stage with `count` agents at once; give the peaks of factory and sandboxes in MB."""
    plan = folder / "plan.json"
    plan.write_text(json.dumps(plan_of(count)))
    peak = PeakMemory()
    measure([sys.executable, "-m", "bench.speed.tool_stage", str(plan), url, str(count)], peak)
    return {"agents": count, "factory_mb": round(peak.factory), "sandboxes_mb": round(peak.sandboxes)}


def in_processes(count, url, folder, python):
    """Run `count` agents at once, a process each; give the peak of those processes together in MB."""
    processes = []
    for tool in plan_of(count)["custom_tools"]:
        specification = folder / f"{tool['name']}.json"
        specification.write_text(json.dumps(tool))
        workspace = folder / "processes" / str(count) / tool["name"]
        argv = [sys.executable, "-m", "bench.speed.seed_tool", str(specification), str(workspace), url, python]
        processes.append(subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    peak = 0.0
    while any(each.poll() is None for each in processes):
        peak = max(peak, sum(share(each.pid) for each in processes))
        time.sleep(0.5)
    if any(each.returncode for each in processes):
        sys.exit("An agent in a process of its own failed.")
    return round(peak)


def main():
    """Measure, print, save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--agents", default="1,8,32,64")
    parser.add_argument("--processes", default="1,8,32")
    parser.add_argument("--latency", type=float, default=2)
    asked = parser.parse_args()
    counts, apart = ([int(each) for each in text.split(",")] for text in (asked.agents, asked.processes))
    python = str(UvInstaller(Settings().home).nat().python)
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_script(folder, max(counts))
        with served(folder, asked.latency) as url:
            for count in counts:
                lines.append(in_one_factory(count, url, folder))
                if count in apart:
                    lines[-1]["processes_mb"] = in_processes(count, url, folder, python)
                print("  ".join(f"{name}: {value}" for name, value in lines[-1].items()), flush=True)
    further = {}
    for what in ("factory_mb", "processes_mb"):
        found = [(line["agents"], line[what]) for line in lines if what in line]
        (first, least), (last, most) = found[0], found[-1]
        further[what] = round((most - least) / max(1, last - first), 1)
    print(f"each further agent, MB: {further}")
    save("memory", {"latency": asked.latency, "lines": lines, "each_further_agent": further})


if __name__ == "__main__":
    main()
