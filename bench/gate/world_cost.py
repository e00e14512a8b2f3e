"""Measures what a recorded world costs: the gate of a tool that asks an API, and of the same one without a world.

Twice without: a tool that looks the answers up, which has fewer tests and mutants; and the very same tool and tests,
with a double of the client in the tests in the place of the world, of which only the runs of the tests count. Prints
CPU seconds, which other work on the machine does not change: those of all jobs in the sandboxes, and those of this
process, which plays the world. Then how long a world of 1,000 exchanges and 50 MB of files takes to be there.

    python -m bench.gate.world_cost [--runs N]
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from agenthands.environments.uv import UvInstaller
from agenthands.gate.checks.files import tests_path, tool_path
from agenthands.gate.checks.registry import CHECKS
from agenthands.gate.evidence import Evidence
from agenthands.gate.gate import run_checks
from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agenthands.schemas import ToolSpec
from agenthands.settings import Settings
from agenthands.world.staging import staged

sys.path.append(str(Path(__file__).parents[2] / "tests" / "support"))
from world_support import HOST, WEATHER_SPEC, WEATHER_TESTS, WEATHER_TOOL, weather

OF_TESTS = [each for each in CHECKS if each.name in ("files", "conformance", "tests", "stub", "placebo", "mutation")]
ANSWERS = {
    each["request"]["query"]["city"]: each["response"]["json"]
    for each in WEATHER_SPEC["worlds"]["usual"]["http"]
    if each["response"].get("status", 200) == 200
}


def looked_up():
    """Return specification, tool and tests without an API: what it answers is part of the tool."""
    known = [each for each in WEATHER_SPEC["examples"] if each["world"] == "usual"]
    examples = [{key: each[key] for key in each if key not in ("world", "requests")} for each in known]
    spec = {key: each for key, each in WEATHER_SPEC.items() if key not in ("effects", "worlds")}
    head, _, rest = WEATHER_TOOL.partition("async def fetch")
    table = "\n".join(f"    {city!r}: {answer!r}," for city, answer in ANSWERS.items())
    fetch = '''async def fetch(city: str, key: str) -> dict:
    """Look it up; raises ValueError."""
    if city not in KNOWN:
        raise ValueError(f"The weather service knows no city {city!r}; check its spelling.")
    return KNOWN[city]


'''
    tool = head.replace("import httpx\n", "").replace("TRIES = 3\nMOST_WAIT = 5.0\n", f"KNOWN = {{\n{table}\n}}\n")
    tool = tool.replace("import asyncio\n\n", "") + fetch + rest[rest.index("@register_function") :]
    tests = WEATHER_TESTS.replace("fetch\n", "fetch\n\n\nWORLDS = {}\n", 1).replace("(world)", "()")
    kept, _, more = tests.partition("def test_asked_again")
    unknown = "def test_unknown_city" + more.partition("def test_unknown_city")[2].partition("def test_an_error")[0]
    tests = (kept + unknown).replace('world("usual")', "{}")
    return ToolSpec.model_validate({**spec, "examples": examples}), tool, tests


DOUBLE = """

WORLDS = json.loads({worlds!r})


class World:
    def __init__(self, patched):
        self.patched = patched
        self.made = []

    def __call__(self, name):
        self.exchanges, self.made = WORLDS[name]["http"], []
        client = functools.partial(httpx.AsyncClient, transport=httpx.MockTransport(self.answer))
        self.patched.setattr(nat_tools.city_weather.httpx, "AsyncClient", client)
        return {{"weather_api_key": "dummy-key"}}

    def answer(self, request):
        self.made.append(request)
        for each in self.exchanges[len(self.made) - 1 if self.exchanges[0].get("turn") else 0 :]:
            sent = each["request"]
            fits = request.headers["X-Api-Key"] == "dummy-key"
            if fits and httpx.URL(sent["url"], params=sent["query"]) == request.url:
                given = each["response"]
                body = {{"json": given["json"]}} if "json" in given else {{"text": given["body"]}}
                return httpx.Response(given.get("status", 200), headers=given.get("headers"), **body)
        return httpx.Response(599)

    def requests(self):
        return self.made


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)
"""


def doubled():
    """Return the tool with the same tests, of which a double of httpx answers."""
    spec = {key: each for key, each in WEATHER_SPEC.items() if key not in ("effects", "worlds")}
    examples = [{"arguments": {"city": "Bonn"}, "expected": {}}]
    head, line, rest = WEATHER_TESTS.partition("from nat_tools.city_weather import WeatherConfig, advice, fetch\n")
    head = head.replace("import asyncio\n", "import asyncio\nimport functools\nimport json\n")
    head = head.replace("import pytest\n", "import httpx\nimport nat_tools.city_weather\nimport pytest\n")
    tests = head + line + DOUBLE.format(worlds=json.dumps(WEATHER_SPEC["worlds"])) + rest
    return ToolSpec.model_validate({**spec, "examples": examples, "network": True}), WEATHER_TOOL, tests


def judged(tool, code, tests, environment, sandbox, checks=CHECKS):
    """Judge once; give the verdict, CPU seconds of the jobs and of this process, and wall seconds."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in ((tool_path(tool.name), code), (tests_path(tool.name), tests)):
            (Path(folder) / path).parent.mkdir()
            (Path(folder) / path).write_text(text)
        evidence = Evidence(tool, Path(folder), environment, sandbox, 600, {}, checks)
        started, own = time.monotonic(), time.process_time()
        report = run_checks(evidence)
        spent = time.process_time() - own, time.monotonic() - started
    jobs = [*evidence.answers.first.values(), *evidence.answers.repeated.values()]
    return report, sum(each.get("cpu", 0) for each in jobs), *spent


def large_world():
    """Return how many seconds a large world takes to be laid out and served."""
    request = {"url": f"https://{HOST}/v1/items"}
    pages = [({**request, "query": {"page": str(page)}}, {"json": {"page": page}}) for page in range(1000)]
    http = [{"request": asked, "response": answer} for asked, answer in pages]
    files = {f"exports/{number}.csv": "a,b\n" * 250_000 for number in range(50)}
    effects = {"http": [{"host": HOST}], "files": [{"name": "exports"}]}
    example = {"arguments": {"city": "Bonn"}, "world": "large", "expected": {}}
    tool = weather(effects=effects, worlds={"large": {"http": http, "files": files}}, examples=[example])
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        with staged(tool, Path(folder) / "world"):
            return time.monotonic() - started


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    environment, sandbox = UvInstaller(Settings().home).nat(), BubblewrapSandbox()
    recorded = weather(), WEATHER_TOOL, WEATHER_TESTS
    kinds = {
        "recorded world": (*recorded, environment, sandbox),
        "looked up": (*looked_up(), environment, sandbox),
        "recorded world, tests alone": (*recorded, environment, sandbox, OF_TESTS),
        "double of the client, tests alone": (*doubled(), environment, sandbox, OF_TESTS),
    }
    found = {kind: [] for kind in kinds}
    for _ in range(runs):
        for kind, given in kinds.items():
            report, inside, own, wall = judged(*given)
            found[kind].append((inside, own, wall))
            if not report.accepted:
                print(f"{kind}: not accepted: {[(each.name, each.detail[:300]) for each in report.failures()]}")
    for kind, figures in found.items():
        inside, own, wall = (statistics.median(each) for each in zip(*figures, strict=True))
        print(f"{kind}: {inside:.1f} s CPU of all jobs, {own:.1f} s of this process, {wall:.1f} s by the clock")
    print(f"large world: {min(large_world() for _ in range(3)):.2f} s, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
