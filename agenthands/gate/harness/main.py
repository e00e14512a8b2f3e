"""Runs inside the sandbox, with the NAT environment's Python: imports NAT once and forks for each job.

Where the sandbox takes a prepared interpreter in, NAT is imported already: see `preparation_source`.

Standard library, NAT, pytest, coverage and time-machine only. It arrives through standard input, so that no file of it
can be read: first its own code (see `harness_code`), then one JSON object on the next line:

    {"folder": path with the tool's files, read-only, "work": path, empty, "tool": name, "path": [for sys.path],
     "tests": path of the tests below folder, "lazy_imports": {package: name in it}, "lanes": int,
     "worlds": see agenthands_world.py, "calls": [[arguments, world]], "clients": [packages that ask], if any,
     "stages": [{"stop": bool, "jobs": [{"id": str, "kind": conformance|tests|calls, "seconds": float,
                                         "cpu_seconds": float, ...}]}]}

It writes one JSON object to standard output: {job id: {"ok": bool, "seconds": float, ...}}. The jobs of a stage run in
`lanes` processes at a time; where a stage with `stop` has a job that is not ok, the later stages are left out.

The tool's code is imported in forked children only. A child inherits no descriptor but its own pipe; its answer counts
only with a word that was drawn for it, and is encoded by functions that were looked up before the tool was imported.
What is the same for all runs of the tests is done once, before the first fork: no code of the tool or its tests is run
for that, and a run cannot see from it which one it is. A run can see this process's frames: ids are drawn by lot, and
runs of changed tools come in any order, so that nothing there says which of them change what the tool does.
This process cannot be traced or opened through /proc (PR_SET_DUMPABLE), so the report's channel is out of reach.
"""

import ctypes
import gc
import json
import os
import sys

from agenthands.gate.harness.forks import PR_SET_CHILD_SUBREAPER
from agenthands.gate.harness.jobs import JOBS
from agenthands.gate.harness.scheduler import Scheduler, bound, expanded
from agenthands.gate.harness.warmup import prepare, prepared_session
from agenthands.gate.harness.worlds import warm_clients
from agenthands.sandbox.preload.agenthands_lazy_imports import is_prepared

PR_SET_DUMPABLE = 4


def main():
    """Do all jobs of the request and report."""
    report = os.fdopen(os.dup(1), "wb")
    request = json.loads(sys.stdin.buffer.readline())
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if not is_prepared():
        prepare(request["lazy_imports"], request["path"])
    sys.path += request["path"]
    sys.path.insert(0, request["folder"])
    warm_clients(request)
    request["pytest"] = prepared_session(request)
    gc.freeze()
    lanes, answers, done = Scheduler(request, JOBS), {}, {}
    for stage in request["stages"]:
        jobs = [each for job in stage["jobs"] for each in expanded(job, done, answers)]
        for job in jobs:
            bound(job, answers)
        done |= {job["id"]: job for job in jobs}
        found = lanes.run(jobs)
        answers.update(found)
        if stage["stop"] and not all(answer["ok"] for answer in found.values()):
            break
    report.write(json.dumps(answers).encode())
    report.close()
    os._exit(0)  # nothing is left to tidy up, which takes long with so many modules


if __name__ == "__main__":
    main()
