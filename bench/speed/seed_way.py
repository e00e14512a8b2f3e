"""The line `seed`: AgentHands' tool stage against the seed's way, with the same scripted model and latency.

    python -m bench.speed.seed_way [--tools 1,4,8,16,32] [--baseline 1,4,16] [--latency 0.5]

The seed's way is a sequential script: for each tool a new process runs one OpenHands agent and a cold pytest. It does
not judge: there is no sandbox, no mutant, no second run. Ours is measured twice: the tool stage of a factory that runs,
and the whole process, with the start of Prefect's server and all imports.

Each count of tools is measured; where `--baseline` leaves one out, its seed's time is that of the largest count that
was measured, times the ratio of the counts, and marked so.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from agenthands.environments.uv import UvInstaller
from agenthands.settings import Settings
from bench.measuring import CORES, adopt_orphans, cpu_seconds, measure, reap_orphans, save
from bench.speed.many_tools import CALLS, MODEL, plan_of, served, write_script


def seeds_way(count, url, folder, python):
    """Make `count` tools one after the other; give wall and CPU seconds."""
    adopt_orphans()
    before, started = cpu_seconds()[1], time.monotonic()
    for tool in plan_of(count)["custom_tools"]:
        specification = folder / f"{tool['name']}.json"
        specification.write_text(json.dumps(tool))
        workspace = folder / "seed" / str(count) / tool["name"]
        measure([sys.executable, "-m", "bench.speed.seed_tool", str(specification), str(workspace), url, python])
    wall = time.monotonic() - started
    reap_orphans()
    return {"wall": wall, "cpu": cpu_seconds()[1] - before}


def our_way(count, url, folder):
    """Run the tool stage with `count` tools, all at once; give what it says, and the whole process."""
    plan = folder / "plan.json"
    plan.write_text(json.dumps(plan_of(count)))
    run = measure([sys.executable, "-m", "bench.speed.tool_stage", str(plan), url, str(min(count, 64))])
    return {**json.loads(run["out"].splitlines()[-1]), "whole_wall": run["wall"]}


def line(count, latency, seed, measured, ours):
    """Return one line of the table."""
    cpu = ours["cpu_factory"] + ours["cpu_server"] + ours["cpu_sandboxes"]
    bound = max(CALLS * latency, cpu / CORES)
    return {
        "tools": count,
        "seed_seconds": round(seed["wall"], 1),
        "seed_cpu": round(seed["cpu"], 1),
        "seed_is": "measured" if measured == count else f"measured with {measured}, multiplied",
        "seconds": round(ours["wall"], 1),
        "cpu": round(cpu, 1),
        "cpu_a_tool": round(cpu / count, 2),
        "cpu_factory": round(ours["cpu_factory"], 1),
        "cpu_server": round(ours["cpu_server"], 1),
        "cpu_sandboxes": round(ours["cpu_sandboxes"], 1),
        "ratio": round(seed["wall"] / ours["wall"], 1),
        "whole_seconds": round(ours["whole_wall"], 1),
        "whole_ratio": round(seed["wall"] / ours["whole_wall"], 1),
        "bound": round(bound, 1),
        "times_the_bound": round(ours["wall"] / bound, 2),
    }


def main():
    """Measure, print, save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tools", default="1,4,8,16,32")
    parser.add_argument("--baseline", default="1,4,16")
    parser.add_argument("--latency", type=float, default=0.5)
    asked = parser.parse_args()
    counts, baseline = ([int(each) for each in text.split(",")] for text in (asked.tools, asked.baseline))
    python = str(UvInstaller(Settings().home).nat().python)
    lines, seeds = [], {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_script(folder, max(counts + baseline))
        with served(folder, asked.latency) as url:
            for count in sorted(set(counts + baseline)):
                if count in baseline:
                    seeds[count] = seeds_way(count, url, folder, python)
                if count not in counts:
                    continue
                known = max((each for each in seeds if each <= count), default=None)
                if known is None:
                    sys.exit("The baseline must hold the smallest count of tools.")
                seed = {name: value * count / known for name, value in seeds[known].items()}
                lines.append(line(count, asked.latency, seed, known, our_way(count, url, folder)))
                print("  ".join(f"{name}: {value}" for name, value in lines[-1].items()), flush=True)
    save("seed", {"latency": asked.latency, "calls_a_tool": CALLS, "model": MODEL, "lines": lines})


if __name__ == "__main__":
    main()
