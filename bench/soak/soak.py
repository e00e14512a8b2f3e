"""A night in small: many builds with a model that fails often, on workers that are killed at random.

A Prefect server on PostgreSQL with Redis, three workers, and a scripted model of whose calls a tenth goes wrong, in
every way of `soak_faults`; a tenth of the coders' conversations never ends by itself. Workers and runs are killed
with SIGKILL, and started again, as a supervisor does. What crashed is run again; what it had spent gets a failed
record of its own, beside those of the builds. In the end every build must be accepted or explained, stuck detection
must have ended what looped, the store must verify, and nothing may be left, as `findings.py` looks for it: no
process, container, mount, temporary file, work folder, lock, nor a worker that has grown.

All of it lies in one folder below /tmp, AGENTHANDS_HOME too, so NAT's environment is installed there first. Prints the
figures, writes them into bench/results.json, and ends with 1 where something is left or unexplained. Needs Debian's
packages postgresql and redis-server.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import click
import httpx
import psutil

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

from many_machines import MISSING, machines
from scripted_server import serve_script
from served_support import BIN, until

from agenthands.environments.uv import UvInstaller
from agenthands.settings import Settings
from bench.measuring import save
from bench.soak.faults import OWN_TOOL, Faults
from bench.soak.findings import Traces, bugs, damaged, explained, held_locks, killed, unfinished
from bench.soak.worker_memory import WorkerMemory, is_run

FALLBACK = 3  # every third request has a model that may answer instead; of those with tools of their own too
_CONFIG = """
[llm]
model = "openai/scripted"
api_key = "${OPENAI_API_KEY}"
timeout = 8
num_retries = 2
retry_seconds = 0.2
"""
_SECOND = "second"
_FALLBACK = f"""
[llm.fallback]
model = "openai/{_SECOND}"
"""


class Night:
    """The builds, what killed them, and what became of them."""

    def __init__(self, served, model, traces, chance):
        self.served, self.model, self.traces = served, model, traces
        self.faults = Faults(model, chance)
        self.configs = [write_config(traces.folder, "fallback.toml", _CONFIG + _FALLBACK)]
        self.configs += [write_config(traces.folder, "models.toml", _CONFIG)] * (FALLBACK - 1)
        self.killed, self.tries = Counter(), Counter()
        self.runs, self.ends = {}, {}

    def ask(self, number):
        self.tries[number] += 1
        options = {"config": str(self.configs[number % FALLBACK]), "api_base": self.model.url}
        self.runs[self.served.run("build-agent/default", {"request": f"report {number}", "options": options})] = number

    def look(self):
        """Take up the ends of runs; what crashed is asked for again. Says whether all have ended."""
        page = list(self.runs)[:200]
        found = []
        with suppress(httpx.HTTPError):  # a busy server answers the next time
            found = self.served.find("flow_runs", flow_runs={"id": {"any_": page}}) if page else []
        for run in found:
            if run["state_type"] in ("COMPLETED", "FAILED", "CANCELLED", "CRASHED"):
                number = self.runs.pop(run["id"])
                if run["state_type"] == "CRASHED":
                    self.ask(number)
                else:
                    said = (run["state"] or {}).get("message") or ""
                    self.ends[number] = (run["state_name"], said.replace(str(self.traces.folder), "..."))
        return not self.runs


def write_config(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def killing(night, workers, every, ended):
    """Kill a worker or a run from time to time, and start the worker again, until `ended`."""
    while not ended.wait(random.uniform(0.5, 1.5) * every):
        kind = random.choice(["worker", "run"])
        if kind == "worker":
            index = random.randrange(len(workers))
            workers[index].kill()
            workers[index].wait()
            workers[index] = start_worker(night.served)
        else:
            runs = engines(night.traces)
            if not runs:
                continue
            with suppress(psutil.Error):
                random.choice(runs).kill()
        night.killed[kind] += 1


def engines(traces):
    """Return the processes of the runs of this soak."""
    return [each for each in traces.processes() if is_run(each)]


def start_worker(served):
    command = [BIN / "prefect", "worker", "start", "--pool", "agenthands", "--limit", "2", "--install-policy", "never"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([str(part) for part in command], env=served.variables, **quiet)


def stop_worker(worker):
    """Stop a worker as a supervisor does: one that was started a moment ago may miss the first SIGTERM."""
    for _ in range(3):
        worker.terminate()
        with suppress(subprocess.TimeoutExpired):
            return worker.wait(20)
    return worker.kill()


@click.command()
@click.option("--builds", default=200, show_default=True)
@click.option("--faults", "chance", default=0.1, show_default=True, help="Part of the model's calls that go wrong.")
@click.option("--every", default=40.0, show_default=True, help="Seconds between two kills, on average.")
@click.option("--seed", default=1, show_default=True)
def main(builds, chance, every, seed):
    """Run the night and print what became of it."""
    if MISSING:
        sys.exit(f"Install {' and '.join(MISSING)} first.")
    random.seed(seed)
    traces = Traces(Path(tempfile.mkdtemp(prefix="soak-", dir="/tmp")))
    traces.folder.chmod(0o755)  # PostgreSQL is another user
    traces.temporary.mkdir(mode=0o755)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # it doubles every import
    os.environ |= traces.variables()
    print("Installing NAT's environment ...", file=sys.stderr)
    UvInstaller(traces.home).nat()
    started = time.monotonic()
    with (
        serve_script("data-report", latency=0.2) as model,
        machines(traces.folder, workers=1, prepare=["--silence", "60", "--starting", "60"]) as served,
    ):
        night = Night(served, model, traces, chance)
        memory = survive(night, builds, every)
        locks = settle(night, builds)
    store = traces.folder / "store"
    result = {
        "command": f"python -m bench.soak.soak --builds {builds} --faults {chance} --every {every:g} --seed {seed}",
        "a tool of its own": f"each request whose number {OWN_TOOL} divides",
        "a fallback": f"each request whose number {FALLBACK} divides",
        "builds": builds,
        "seconds": round(time.monotonic() - started),
        "model calls": len(model),
        "of the fallback": model.models[_SECOND],
        **told(night),
        "bugs": bugs(store),
        "damaged": damaged(store),
        "records of killed runs": killed(store),
        "unfinished in the store": unfinished(store),
        "memory of a worker": memory,
        "left": traces.left(locks),
    }
    save("soak", result)
    print(json.dumps(result, indent=1))
    shutil.rmtree(traces.folder, ignore_errors=True)
    sys.exit(1 if bad(result) else 0)


def bad(result):
    """Whether something is unexplained, damaged, left or grown, or whether a loop ended at its bound of steps."""
    looped = result["calls of the longest loop"] >= Settings.model_fields["coder_steps"].default
    grown = result["memory of a worker"]["growth"] > 0.1
    wrong = [result[name] for name in ("unexplained", "bugs", "damaged")] + list(result["left"].values())
    return any(wrong) or looped or grown


def survive(night, builds, every):
    """Have all builds done while workers and runs are killed; returns how the first worker, left alone, grew."""
    memory = WorkerMemory(next(each for each in night.traces.processes() if "worker" in each.cmdline()))
    workers, ended = [start_worker(night.served) for _ in range(2)], threading.Event()
    for number in range(builds):
        night.ask(number)
    killer = threading.Thread(target=killing, args=(night, workers, every, ended))
    killer.start()
    end = time.monotonic() + 600 + 60 * builds
    try:
        while not night.look() and time.monotonic() < end:
            memory.look()
            time.sleep(2)
            print(f"{len(night.ends)} of {builds} builds have ended", file=sys.stderr, end="\r")
    finally:
        ended.set()
        killer.join()
        for worker in workers:
            stop_worker(worker)
    return memory.told()


def settle(night, number):
    """Do one more build a week later, without faults: it removes what killed ones left. Gives the locks still held.

    The week is the times of what lies about, which are set back.
    """
    night.faults.chance = 0.0
    night.traces.age()
    with suppress(AssertionError):  # what does not end is told as lost, or as left
        if not night.runs:
            night.ask(number)
            until(night.look, 300)
        until(lambda: not engines(night.traces), 60)
    time.sleep(35)  # the lease of a killed worker's lock
    return held_locks(night.served.variables["AGENTHANDS_LOCKS"])


def told(night):
    """Return what went wrong and how the builds ended; one that was not accepted must say why."""
    others = {number: end for number, end in night.ends.items() if end[0] != "Accepted"}
    lost = {number: ("", "did not end") for number in night.runs.values()}
    return {
        "faults": dict(night.faults.injected),
        "calls of the longest loop": night.faults.longest_loop(),
        "kills": dict(night.killed),
        "runs": sum(night.tries.values()),
        "ends": dict(Counter(name for name, _ in night.ends.values())),
        "reasons": dict(Counter(re.sub(r"[0-9a-f-]{6,}|\d+", "#", said)[:200] for _, said in others.values())),
        "unexplained": {number: end for number, end in others.items() if not explained(*end)} | lost,
    }


if __name__ == "__main__":
    main()
