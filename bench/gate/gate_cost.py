"""Measures the gate on a 60-line tool with 40 mutants against cold `pytest` runs of the same mutants.

Prints a table, and the verdict beside 16 busy processes; the line `gate`. Everything runs in the bubblewrap sandbox
with the real NAT environment; no model is asked. The cold runs are what a gate without a warm harness does: one new
interpreter for each mutant, as many at a time as there are cores; once plainly, and once with pytest's plug-ins off,
as in the gate.

    python -m bench.gate.gate_cost [--cold N]        N mutants for each kind of cold run (default: all)
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from agenthands.environments.uv import UvInstaller
from agenthands.gate.checks.files import tests_path, tool_path
from agenthands.gate.checks.registry import CHECKS
from agenthands.gate.evidence import MAX_MUTANTS, Judged
from agenthands.gate.gate import judge
from agenthands.gate.harness_client import run_harness
from agenthands.sandbox.base import Command, Limits
from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agenthands.schemas import ToolSpec
from agenthands.settings import Settings
from bench.measuring import save

SCRIPT = Path(__file__).parents[2] / "agenthands" / "llm" / "scripted" / "scripts" / "financial-research"
TOOL = "stock_performance"
BUSY = 16


def timed(function, *arguments, **options):
    """Call, and return wall seconds and the result."""
    started = time.monotonic()
    result = function(*arguments, **options)
    return time.monotonic() - started, result


@contextmanager
def load(processes):
    """Keep so many processes busy meanwhile."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def verdicts(report):
    """Return what each check of a report says, without what differs from run to run."""
    return [(check.name, check.passed, check.detail) for check in report.checks]


def asked(judged, environment, sandbox, seconds, mutants=True):
    """Let the harness do what the checks ask of it, with or without the mutants."""
    jobs = [job for check in CHECKS for job in check.jobs(judged) if mutants or not job.id.startswith("mutant ")]
    return run_harness(judged.tool, judged.texts, jobs, environment, sandbox, seconds)


def cold_runs(mutants, texts, environment, sandbox, variables):
    """Run cold pytest on each mutant in a sandbox of its own, a core each; give how many were noticed, and CPU s."""

    def one(mutant):
        with tempfile.TemporaryDirectory(prefix="agenthands-bench-") as scratch:
            for path, text in {**texts, tool_path(TOOL): mutant.source}.items():
                (Path(scratch) / path).parent.mkdir(exist_ok=True)
                (Path(scratch) / path).write_text(text)
            pytest = f"{environment.python} -m pytest -q -x {tests_path(TOOL)}"
            command = Command(
                ["/bin/bash", "-c", f"{pytest} >&2; code=$?; times; exit $code"],
                Path(scratch),
                read_only=[environment.path],
                variables={"PYTHONPATH": scratch, "PYTHONDONTWRITEBYTECODE": "1", **variables},
                limits=Limits(seconds=120),
            )
            result = sandbox.run(command)
            minutes_and_seconds = re.findall(r"(\d+)m([\d.]+)s", result.stdout.decode())[2:]  # of the children
            return result.exit_code == 1, sum(60 * int(m) + float(s) for m, s in minutes_and_seconds)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        results = list(threads.map(one, mutants))
    return sum(noticed for noticed, _ in results), sum(cpu for _, cpu in results)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cold", type=int, default=MAX_MUTANTS)
    sample = parser.parse_args().cold
    environment, sandbox = UvInstaller(Settings().home).nat(), BubblewrapSandbox()
    plan = json.loads((SCRIPT / "plan.json").read_text())
    tool = next(ToolSpec.model_validate(each) for each in plan["custom_tools"] if each["name"] == TOOL)
    files = {tool_path(TOOL): f"{TOOL}.py", tests_path(TOOL): f"test_{TOOL}.py"}
    texts = {path: (SCRIPT / "files" / name).read_text() for path, name in files.items()}
    judged = Judged(tool, texts)
    count = len(judged.mutants)

    with tempfile.TemporaryDirectory() as folder:
        for path, text in texts.items():
            (Path(folder) / path).parent.mkdir(exist_ok=True)
            (Path(folder) / path).write_text(text)
        judge(tool, Path(folder), environment, sandbox, 600)  # warms the page cache
        whole, report = timed(judge, tool, Path(folder), environment, sandbox, 600)
        with load(BUSY):
            busy, busy_report = timed(judge, tool, Path(folder), environment, sandbox, 600)
    bare, _ = timed(asked, judged, environment, sandbox, 600, mutants=False)
    full, answers = timed(asked, judged, environment, sandbox, 600)
    warm = [answers.first[f"mutant {number}"] for number in range(count)]
    chosen = judged.mutants[:sample]
    off = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    quick, (noticed, quick_cpu) = timed(cold_runs, chosen, texts, environment, sandbox, off)
    plain, (_, plain_cpu) = timed(cold_runs, chosen, texts, environment, sandbox, {})
    if noticed != sum(not answer["ok"] for answer in warm[:sample]):
        sys.exit("The cold runs and the gate disagree about the mutants.")

    per = {
        "gate, one more forked run": ((full - bare) / count, sum(answer["cpu"] for answer in warm) / count),
        "cold pytest, plug-ins off": (quick / len(chosen), quick_cpu / len(chosen)),
        "cold pytest, plain": (plain / len(chosen), plain_cpu / len(chosen)),
    }
    ours = per["gate, one more forked run"]
    table = Table("for each mutant", "wall s", "CPU s", "wall ratio", "CPU ratio")
    for name, (wall, cpu) in per.items():
        table.add_row(name, f"{wall:.3f}", f"{cpu:.3f}", f"{wall / ours[0]:.1f}", f"{cpu / ours[1]:.1f}")
    console = Console()
    lines = len(texts[tool_path(TOOL)].splitlines())
    console.print(f"{TOOL}, {lines} lines, {count} mutants, {os.cpu_count()} cores, Python {platform.python_version()}")
    same = verdicts(busy_report) == verdicts(report)
    console.print(f"whole gate: {whole:.1f} s, accepted: {report.accepted}")
    console.print(f"beside {BUSY} busy processes: {busy:.1f} s, accepted: {busy_report.accepted}, same words: {same}")
    console.print(f"the same mutants by plain cold pytest: {per['cold pytest, plain'][0] * count:.0f} s")
    console.print(table)
    result = {
        "lines": lines, "mutants": count, "cold_sample": len(chosen),
        "gate_seconds": round(whole, 2),
        "busy": {"processes": BUSY, "seconds": round(busy, 2), "same": same},
        "per_mutant": {name: {"wall": round(wall, 4), "cpu": round(cpu, 4)} for name, (wall, cpu) in per.items()},
        "ratio_to_cold_pytest": round(per["cold pytest, plain"][0] / ours[0], 1),
        "ratio_to_cold_pytest_without_plugins": round(per["cold pytest, plug-ins off"][0] / ours[0], 1),
    }  # fmt: skip
    save("gate", result)


if __name__ == "__main__":
    main()
