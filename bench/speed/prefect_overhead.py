"""The line `prefect`: what Prefect adds to a task, to a flow inside a task, and to a run, with the embedded server.

    python -m bench.speed.prefect_overhead [--count 40]

The tasks do nothing, so all of it is Prefect: client, server and database. The server's CPU is counted with it. The
other way is the same without Prefect: a call, a call whose result is written to a file, a pool of threads.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agenthands._util.atomic_files import write_atomic
from bench.measuring import cpu_seconds, save, server_cpu

os.environ.update(PREFECT_SERVER_ANALYTICS_ENABLED="false", PREFECT_LOGGING_LEVEL="CRITICAL", DO_NOT_TRACK="1")
os.environ.update(PREFECT_LOGGING_ROOT_LEVEL="CRITICAL")


def _used():
    """Return the CPU seconds of this process and of the server."""
    return sum(cpu_seconds()) + server_cpu()


def _settle():
    """Wait until the server has worked off what it was told: it writes runs of tasks down later."""
    before = server_cpu()
    for _ in range(30):
        time.sleep(1)
        now = server_cpu()
        if now - before < 0.05:
            return
        before = now


def _mean(action, count):
    action()
    _settle()
    used, started = _used(), time.monotonic()
    for _ in range(count):
        action()
    wall = time.monotonic() - started
    _settle()
    return {"wall": round(wall / count, 4), "cpu": round((_used() - used) / count, 4)}


def measured(count):
    """Measure with a server of our own."""
    from prefect import flow, task
    from prefect.cache_policies import NO_CACHE
    from prefect.task_runners import ThreadPoolTaskRunner

    @task(cache_policy=NO_CACHE)
    def nothing():
        return 1

    @task(persist_result=True, cache_key_fn=lambda *_: f"{time.monotonic()}")
    def kept():
        return 1

    @flow
    def inner():
        return 1

    @task(cache_policy=NO_CACHE)
    def flow_in_task():
        return inner()

    @flow
    def whole(what):
        return what()

    @flow
    def at_once():
        with ThreadPoolTaskRunner(max_workers=8) as runner:
            futures = [runner.submit(nothing, {}) for _ in range(count)]
            return [future.result() for future in futures]

    few = max(3, count // 8)
    result = {
        "an empty run": _mean(lambda: whole(lambda: 1), few),
        "a task": whole(lambda: _mean(nothing, count)),
        "a task whose result is kept": whole(lambda: _mean(kept, count)),
        "a flow in a task": whole(lambda: _mean(flow_in_task, few)),
    }
    parallel = _mean(at_once, 2)
    result["a task, 8 at once"] = {name: round(value / count, 4) for name, value in parallel.items()}
    return result


def without(count):
    """Return wall seconds of the same without Prefect, by the same names."""

    def nothing():
        return 1

    def seconds(action, times):
        started = time.monotonic()
        for _ in range(times):
            action()
        return round((time.monotonic() - started) / times, 6)

    def at_once():
        with ThreadPoolExecutor(8) as threads:
            return [future.result() for future in [threads.submit(nothing) for _ in range(count)]]

    with tempfile.TemporaryDirectory() as folder:
        kept = seconds(lambda: write_atomic(Path(folder) / "result", json.dumps(nothing())), count)
    call = seconds(nothing, count)
    return {
        "an empty run": call,
        "a task": call,
        "a task whose result is kept": kept,
        "a flow in a task": call,
        "a task, 8 at once": round(seconds(at_once, 2) / count, 6),
    }


def main():
    """Measure, print, save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=40)
    count = parser.parse_args().count
    from agenthands.flows.server.embedded import prefect_server
    from agenthands.settings import load_settings

    with tempfile.TemporaryDirectory() as kept, prefect_server(load_settings().home, 0) as wait_for_server:
        os.environ["PREFECT_LOCAL_STORAGE_PATH"] = kept
        with wait_for_server():
            result = measured(count)
    for name, wall in without(count).items():
        result[name]["without"] = wall
    print(json.dumps(result, indent=1))
    save("prefect", result)
    sys.stdout.flush()
    os._exit(0)  # Prefect's threads otherwise wait for a server that has ended


if __name__ == "__main__":
    main()
