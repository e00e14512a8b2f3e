"""Runs the benches line by line, and prints what they found as one page of tables.

    python -m bench.all              every line but `accuracy`
    python -m bench.all seed cpu     these lines alone

All results lie in bench/results.json, a line each; a line that is run again replaces its old result. Then
bench/tables.py writes the tables of docs/performance.md anew, and bench/draw.py its plots.
"""

import subprocess
import sys
import time

from bench import tables
from bench.measuring import ROOT

LINES = {  # with minutes on two cores that do nothing else
    "start": ("bench.speed.start_up", 1),
    "prefect": ("bench.speed.prefect_overhead", 1),
    "cpu": ("bench.speed.cpu_parts", 2),
    "gate": ("bench.gate.gate_cost", 3),
    "demo": ("bench.speed.main_job", 3),
    "rebuild": ("bench.speed.rebuild", 4),
    "team": ("bench.speed.team", 1),
    "layers": ("bench.speed.layers", 2),
    "seed": ("bench.speed.seed_way", 12),
    "memory": ("bench.speed.memory", 8),
    "accuracy": ("bench.gate.accuracy", 60),
}


def main(asked):
    """Run the lines and print."""
    if unknown := set(asked) - set(LINES):
        sys.exit(f"There is no line {', '.join(sorted(unknown))}; there are {', '.join(LINES)}.")
    for name in asked or [name for name in LINES if name != "accuracy"]:
        module, minutes = LINES[name]
        print(f"== {name}: {module}, about {minutes} min", flush=True)
        started = time.monotonic()
        subprocess.run([sys.executable, "-m", module], check=True, cwd=ROOT)
        print(f"== {name} took {(time.monotonic() - started) / 60:.1f} min", flush=True)
    tables.refresh()
    print(tables.page())


if __name__ == "__main__":
    main(sys.argv[1:])
