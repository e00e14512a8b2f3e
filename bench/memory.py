"""The line `memory`: peak memory of the tool stage by number of agents at once, factory and sandboxes apart.

    python bench/memory.py [--agents 1,8,32,64] [--latency 2]

The latency keeps all agents alive at the same time. A sandbox's memory is its proportional share (PSS); a factory's is
what it has in memory (RSS), all threads of all agents included.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from many_tools import plan_of, served, write_script
from measuring import PeakMemory, measure, save


def main():
    """Measure, print, save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--agents", default="1,8,32,64")
    parser.add_argument("--latency", type=float, default=2)
    asked = parser.parse_args()
    counts = [int(each) for each in asked.agents.split(",")]
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_script(folder, max(counts))
        with served(folder, asked.latency) as url:
            for count in counts:
                plan = folder / "plan.json"
                plan.write_text(json.dumps(plan_of(count)))
                script = Path(__file__).parent / "tool_stage.py"
                peak = PeakMemory()
                measure([sys.executable, str(script), str(plan), url, str(count)], peak)
                lines.append(
                    {"agents": count, "factory_mb": round(peak.factory), "sandboxes_mb": round(peak.sandboxes)}
                )
                print("  ".join(f"{name}: {value}" for name, value in lines[-1].items()), flush=True)
    first, last = lines[0], lines[-1]
    more = max(1, last["agents"] - first["agents"])
    further = round((last["factory_mb"] - first["factory_mb"]) / more, 1)
    print(f"each further agent in the factory: {further} MB")
    save("memory", {"latency": asked.latency, "lines": lines, "mb_for_each_further_agent": further})


if __name__ == "__main__":
    main()
