"""Measures start-up, the demo, and its rebuild; prints a table; the line `demo`.

The model is scripted and answers at once, so what is measured is everything but the model.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from bench.measuring import save

COMMAND = str(Path(sys.executable).parent / "agenthands")


def timed(*arguments):
    """Run the command; give wall seconds and the peak memory in MB of its own process."""
    started = time.monotonic()
    process = subprocess.Popen([COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = 0

    def watch():
        nonlocal peak
        factory = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                peak = max(peak, factory.memory_info().rss)
            except psutil.Error:
                return
            time.sleep(0.05)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    out, err = process.communicate()
    if process.returncode:
        sys.exit(err)
    return time.monotonic() - started, peak / 1e6, out


def main():
    """Measure and print."""
    helps = [timed("--help")[0] for _ in range(5)]
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        print("warming up: the first demo installs what is missing", file=sys.stderr)
        timed("demo", "--json", "--store", first)
        seconds, peak, out = timed("demo", "--json", "--store", second)
        again, _, out_again = timed("demo", "--json", "--store", second)
    record, rebuilt = json.loads(out), json.loads(out_again)
    stages = {stage["name"]: stage["seconds"] for stage in record["stages"]}
    result = {
        "versions": record["versions"],
        "help_seconds": round(statistics.median(helps), 3),
        "demo_seconds": round(seconds, 1),
        "demo_start_up_seconds": round(seconds - record["seconds"], 1),
        "demo_stages": stages,
        "assembly_and_acceptance_seconds": round(stages["assemble"] + stages["accept"], 1),
        "rebuild_seconds": round(again, 1),
        "rebuild_beyond_start_up_seconds": rebuilt["seconds"],
        "factory_peak_mb": round(peak),
    }
    save("demo", result)
    for name, value in result.items():
        print(f"{name:32} {value}")


if __name__ == "__main__":
    main()
