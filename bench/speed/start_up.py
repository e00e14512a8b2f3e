"""The line `start`: how long until something is seen.

    python -m bench.speed.start_up [--runs 5]

With the other way beside them: `agenthands --help`, and `python -c pass` or it with all imports of a build;
server and imports of a build beside each other, and one after the other; from `agenthands demo` to the first line and
the first stage on standard error, with a server that is there and with one of its own. Then Prefect's embedded server
from its start to its first answer, and what `--help` loads of the heavy packages.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import psutil

from bench.measuring import AGENTHANDS, EMBEDDED, ROOT, adopt_orphans, measure, save

HEAVY = ("prefect", "litellm", "openhands", "rich", "pydantic", "fastapi", "docker", "s3fs", "jinja2")
_TIMES = re.compile(r"import time:\s+\d+ \|\s+\d+ \|\s*(\S+)")


IMPORTS = (
    "import agenthands.tasks.dependencies, agenthands.flows.build_agent, agenthands.llm.litellm_setup as setup; "
    "setup.load_litellm()"
)
EAGER = f"{IMPORTS}; from agenthands.cli.main import main; main()"
READY = """
from agenthands.flows.server.embedded import prefect_server
from agenthands.settings import load_settings
with prefect_server(load_settings().home, 0) as wait:
    {before}
    with wait():
        {after}
"""


def ready(beside):
    """Return seconds of a process that has its server and all imports of a build, done `beside` each other or not."""
    _wait_for_end()
    code = READY.format(before=IMPORTS if beside else "pass", after="pass" if beside else IMPORTS)
    return measure([sys.executable, "-c", code])["wall"]


def first_seen(server_seconds):
    """Return seconds until the demo's first line, and until its first stage, are shown; the demo is ended then."""
    first = None
    with tempfile.TemporaryDirectory() as store:
        started = time.monotonic()
        argv, own = [AGENTHANDS, "demo", "--store", store], {"AGENTHANDS_SERVER_SECONDS": str(server_seconds)}
        demo = subprocess.Popen(
            argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, **own}
        )
        for line in demo.stderr:
            first = first or time.monotonic() - started
            if "environment" in line:
                seconds = time.monotonic() - started
                demo.terminate()
                demo.communicate()
                return first, seconds
    return sys.exit("The demo shows no stage.")


def server():
    """Return seconds and CPU seconds from the start of the embedded server to its answer."""
    _wait_for_end()
    code = (
        "import time; t = time.monotonic()\n"
        "from agenthands.flows.server.embedded import prefect_server\n"
        "from agenthands.settings import load_settings\n"
        "with prefect_server(load_settings().home, 0) as wait:\n"
        "    wait(); print(time.monotonic() - t)\n"
    )
    run = measure([sys.executable, "-c", code])
    return float(run["out"]), run["cpu"]


def _wait_for_end():
    """Wait until no embedded server is left of what was run before; all are started to end with their last user."""
    adopt_orphans()
    while any(_is_server(child) for child in psutil.Process().children()):
        time.sleep(0.1)


def _is_server(child):
    with contextlib.suppress(psutil.Error):
        return EMBEDDED in child.cmdline()
    return False


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
    cold = [first_seen(0) for _ in range(max(1, runs // 2)) if _wait_for_end() is None]
    _wait_for_end()
    warm = [first_seen(20) for _ in range(max(1, runs // 2) + 1)][1:]  # the first starts the server
    empty = [measure([sys.executable, "-c", "pass"])["cpu"] for _ in range(runs)]
    result = {
        "help_seconds": round(statistics.median(each["wall"] for each in helps), 3),
        "help_cpu": round(statistics.median(each["cpu"] for each in helps), 3),
        "help_with_all_imports_seconds": round(statistics.median(eager), 3),
        "server_and_imports_seconds": round(statistics.median(beside), 2),
        "server_then_imports_seconds": round(statistics.median(after), 2),
        "help_times_python": round(
            statistics.median(each["cpu"] for each in helps) / max(0.001, statistics.median(empty)), 1
        ),
        "first_line_seconds": round(statistics.median(each[0] for each in warm), 2),
        "first_stage_seconds": round(statistics.median(each[1] for each in warm), 2),
        "first_stage_own_server_seconds": round(statistics.median(each[1] for each in cold), 2),
        "prefect_server_seconds": round(statistics.median(each[0] for each in servers), 2),
        "prefect_server_cpu": round(statistics.median(each[1] for each in servers), 2),
        "help_loads": loaded(),
    }
    print(json.dumps(result, indent=1))
    save("start", result)


if __name__ == "__main__":
    main()
