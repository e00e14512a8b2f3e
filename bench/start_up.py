"""The line `start`: how long until something is seen.

    python bench/start_up.py [--runs 5]

Two things with the other way beside them: `agenthands --help`, and the same with all imports of a build; server and
imports of a build beside each other, and one after the other. Then from `agenthands demo` to the first stage on
standard error, Prefect's embedded server from its start to its first answer, and what `--help` loads of the heavy
packages.
"""

import argparse
import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

from measuring import AGENTHANDS, ROOT, measure, save

HEAVY = ("prefect", "litellm", "openhands", "rich", "pydantic", "fastapi", "docker", "s3fs", "jinja2")
_TIMES = re.compile(r"import time:\s+\d+ \|\s+\d+ \|\s*(\S+)")


IMPORTS = (
    "import agenthands.tasks.dependencies, agenthands.flows.build_agent, agenthands.llm.litellm_setup as setup; "
    "setup.load_litellm()"
)
EAGER = f"{IMPORTS}; from agenthands.cli.main import main; main()"
READY = """
from agenthands.flows.server.embedded import prefect_server
with prefect_server() as wait:
    {before}
    with wait():
        {after}
"""


def ready(beside):
    """Return seconds of a process that has its server and all imports of a build, done `beside` each other or not."""
    code = READY.format(before=IMPORTS if beside else "pass", after="pass" if beside else IMPORTS)
    return measure([sys.executable, "-c", code])["wall"]


def first_stage():
    """Return seconds until the demo's first stage is shown; the demo is ended then."""
    with tempfile.TemporaryDirectory() as store:
        started = time.monotonic()
        argv = [AGENTHANDS, "demo", "--store", store]
        demo = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in demo.stderr:
            if "environment" in line:
                seconds = time.monotonic() - started
                demo.terminate()
                demo.communicate()
                return seconds
    return sys.exit("The demo shows no stage.")


def server():
    """Return seconds and CPU seconds from the start of the embedded server to its answer."""
    code = (
        "import time; t = time.monotonic()\n"
        "from agenthands.flows.server.embedded import prefect_server\n"
        "with prefect_server() as wait:\n"
        "    wait(); print(time.monotonic() - t)\n"
    )
    run = measure([sys.executable, "-c", code])
    return float(run["out"]), run["cpu"]


def loaded():
    """Return how many modules `--help` imports, those of heavy packages, and those imported twice."""
    argv = [sys.executable, "-X", "importtime", AGENTHANDS, "--help"]
    text = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=ROOT).stderr
    modules = _TIMES.findall(text)
    heavy = sorted({name.partition(".")[0] for name in modules} & set(HEAVY))
    twice = sorted({name for name in modules if modules.count(name) > 1 and importlib.util.find_spec(name)})
    return {"modules": len(modules), "heavy": heavy, "twice": twice}


def main():
    """Measure, print, save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    os.environ["PYTHONDONTWRITEBYTECODE"] = ""
    helps = [measure([AGENTHANDS, "--help"]) for _ in range(runs)]
    eager = [measure([sys.executable, "-c", EAGER, "--help"])["wall"] for _ in range(max(1, runs // 2))]
    beside, after = ([ready(way) for _ in range(max(1, runs // 2))] for way in (True, False))
    servers = [server() for _ in range(max(1, runs // 2))]
    result = {
        "help_seconds": round(statistics.median(each["wall"] for each in helps), 3),
        "help_cpu": round(statistics.median(each["cpu"] for each in helps), 3),
        "help_with_all_imports_seconds": round(statistics.median(eager), 3),
        "server_and_imports_seconds": round(statistics.median(beside), 2),
        "server_then_imports_seconds": round(statistics.median(after), 2),
        "first_stage_seconds": round(statistics.median(first_stage() for _ in range(max(1, runs // 2))), 2),
        "prefect_server_seconds": round(statistics.median(each[0] for each in servers), 2),
        "prefect_server_cpu": round(statistics.median(each[1] for each in servers), 2),
        "help_loads": loaded(),
    }
    print(json.dumps(result, indent=1))
    save("start", result)


if __name__ == "__main__":
    main()
