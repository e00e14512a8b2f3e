"""Measures builds per minute through deployments: one worker on SQLite, and 1, 2 and 4 on PostgreSQL with Redis.

The model is scripted and takes a set time a call. Each build is another request, for which the model has the same plan;
a first build has made its tool and passed its test cases. So each build is a process of its own that plans, checks,
assembles, finds the tool and the acceptance kept, and publishes: what many machines share is measured, and not how
long tools take (bench/speed/seed_way.py). Prints a table, and
writes bench/results/batch.json. Needs Debian's packages postgresql and redis-server.
"""

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from prefect import __version__ as prefect_version

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

from many_machines import MISSING, machines
from scripted_server import serve_script
from served_support import until

RESULTS = Path(__file__).parents[1] / "results" / "batch.json"
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
PAGE = 200


def measure(on_postgres, workers, runs, builds, latency):
    """Queue `builds` builds at once for `workers` workers of `runs` runs each, and wait for all."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_script("data-report") as model,
        machines(Path(folder), workers, on_postgres, runs) as served,
    ):
        first = served.ask("the first report", model)
        until(lambda: served.ended(first), 300)
        model.latency = latency
        started = time.monotonic()
        with ThreadPoolExecutor(4) as threads:
            ids = list(threads.map(lambda number: served.ask(f"report {number}", model), range(builds)))
        queued = time.monotonic() - started
        until(lambda: all(run["state_type"] in ENDED for run in found(served, ids)), 60 + 60 * builds)
        seconds = time.monotonic() - started
        ended = found(served, ids)
    return {
        "server": "PostgreSQL, Redis" if on_postgres else "SQLite",
        "workers": workers,
        "runs at once": workers * runs,
        "builds": builds,
        "queued in s": round(queued, 1),
        "seconds": round(seconds, 1),
        "builds a minute": round(60 * builds / seconds, 1),
        "median run in s": round(statistics.median(run["total_run_time"] for run in ended), 1),
        "states": dict(Counter(run["state_name"] for run in ended)),
    }


def found(served, ids):
    """Return the runs, a page a question."""
    pages = [ids[begin : begin + PAGE] for begin in range(0, len(ids), PAGE)]
    runs = [run for page in pages for run in served.find("flow_runs", flow_runs={"id": {"any_": page}})]
    time.sleep(1)
    return runs


@click.command()
@click.option("--builds", default=10, show_default=True, help="Builds in each line.")
@click.option("--queue", default=200, show_default=True, help="Builds in the last line; 0 leaves it out.")
@click.option("--runs", default=2, show_default=True, help="Runs that each worker takes at once.")
@click.option("--latency", default=0.5, show_default=True, help="Seconds of a model call.")
def main(builds, queue, runs, latency):
    """Measure and print."""
    if MISSING:
        sys.exit(f"Install {' and '.join(MISSING)} first.")
    lines = [(False, 1, builds), (True, 1, builds), (True, 2, builds), (True, 4, builds)]
    lines += [(True, 2, queue)] if queue else []
    results = []
    for on_postgres, workers, count in lines:
        results.append(measure(on_postgres, workers, runs, count, latency))
        print("  ".join(f"{name}: {value}" for name, value in results[-1].items()), flush=True)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "prefect": prefect_version}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": machine, "latency": latency, "lines": results}, indent=1))


if __name__ == "__main__":
    main()
