"""The line `rebuild`: a full build of 16 tools, the same with everything kept, and with one tool of 16 changed.

The embedded server that the first of them starts is there for the others; what it works for each counts as its CPU.

    python -m bench.speed.rebuild [--tools 16] [--latency 0.5]

Each is `agenthands build` from its start to its end, with a model that answers after a set time. For the third build
the planner's plan has one tool with another purpose, so its request is another one as well.
"""

import argparse
import json
import tempfile
from pathlib import Path

from bench.measuring import AGENTHANDS, measure, save
from bench.speed.many_tools import MODEL, names, served, write_script


def build(request, url, store, count):
    """Build; give wall and CPU seconds, stages, and how many tools were kept from before."""
    argv = [AGENTHANDS, "build", request, "--json", "--store", store, "--planner", MODEL, "--api-base", url]
    run = measure([*argv, "--parallel", str(count)], OPENAI_API_KEY="none")
    record = json.loads(run["out"])
    return {
        "seconds": round(run["wall"], 1),
        "cpu": round(run["cpu"], 1),
        "status": record["status"],
        "kept_tools": sum(tool["cached"] for tool in record["tools"]),
        "stages": {stage["name"]: stage["seconds"] for stage in record["stages"]},
    }


def main():
    """Measure, print, save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tools", type=int, default=16)
    parser.add_argument("--latency", type=float, default=0.5)
    asked = parser.parse_args()
    result = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder, store = Path(scratch), f"{scratch}/store"
        write_script(folder, asked.tools)
        with served(folder, asked.latency) as url:
            result["full"] = build("an agent with many tools", url, store, asked.tools)
            print("full", result["full"], flush=True)
            result["all kept"] = build("an agent with many tools", url, store, asked.tools)
            print("all kept", result["all kept"], flush=True)
            write_script(folder, asked.tools, changed=names(1))
            result["one changed"] = build("an agent with many tools, one changed", url, store, asked.tools)
            print("one changed", result["one changed"], flush=True)
    for name in ("all kept", "one changed"):
        result[name]["full_takes_times"] = round(result["full"]["seconds"] / result[name]["seconds"], 1)
    save("rebuild", {"tools": asked.tools, "latency": asked.latency, **result})


if __name__ == "__main__":
    main()
