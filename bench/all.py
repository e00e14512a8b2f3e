"""Runs the benches line by line, and prints what they found as one page of tables.

    python bench/all.py              every line but `accuracy`
    python bench/all.py seed cpu     these lines alone

All results lie in bench/results.json, a line each; a line that is run again replaces its old result. Then
bench/tables.py writes the tables of docs/performance.md anew, and bench/draw.py its plots.
"""

import subprocess
import sys
import time
from pathlib import Path

import tables

HERE = Path(__file__).parent
LINES = {  # with minutes on two cores that do nothing else
    "start": ("start_up.py", 1),
    "prefect": ("prefect_overhead.py", 1),
    "cpu": ("cpu_parts.py", 2),
    "gate": ("gate.py", 3),
    "demo": ("main_job.py", 3),
    "rebuild": ("rebuild.py", 4),
    "layers": ("layers.py", 2),
    "seed": ("seed_way.py", 12),
    "memory": ("memory.py", 8),
    "accuracy": ("gate_accuracy.py", 30),
}


def main(asked):
    """Run the lines and print."""
    if unknown := set(asked) - set(LINES):
        sys.exit(f"There is no line {', '.join(sorted(unknown))}; there are {', '.join(LINES)}.")
    for name in asked or [name for name in LINES if name != "accuracy"]:
        script, minutes = LINES[name]
        print(f"== {name}: bench/{script}, about {minutes} min", flush=True)
        started = time.monotonic()
        subprocess.run([sys.executable, str(HERE / script)], check=True)
        print(f"== {name} took {(time.monotonic() - started) / 60:.1f} min", flush=True)
    tables.refresh()
    print(tables.page())


if __name__ == "__main__":
    main(sys.argv[1:])
