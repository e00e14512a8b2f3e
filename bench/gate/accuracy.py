"""Measures how often the gate is right, on the problems of HumanEval wrapped as NAT tools.

Prints a table and writes bench/results/gate_accuracy.json. Ends with 1 where one of the three claims does not hold:

- reference solutions pass `conformance`, `schema`, `tests` and `examples`, at least 95 of 100;
- no stub is accepted, with tests and examples made from the reference;
- no variant with one mutation is accepted that fails the data set's own tests, with tests made from the variant and
  calls of the data set's tests as held-out examples (see gate_adversary.py).
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from agenthands.environments.base import Environment
from agenthands.gate.gate import GATE_VERSION, judge
from agenthands.sandbox.base import Sandbox
from agenthands.settings import Settings
from bench.gate.adversary import arranged, candidates, wrong_variants
from bench.gate.human_eval_data import ROOT, explored, problems
from bench.gate.human_eval_tools import (
    STUBS,
    example_calls,
    pinning_tests,
    specification,
    stubbed,
    tool_text,
    write_workspace,
)

RESULTS = Path(__file__).parents[1] / "results" / "gate_accuracy.json"
NAMED = ("conformance", "schema", "tests", "examples")
MIN_REFERENCES = 0.95
JUDGE_SECONDS = Settings.model_fields["gate_seconds"].default


@dataclass(frozen=True)
class Bench:
    """What a run works with."""

    environment: Environment
    sandbox: Sandbox
    variants: int


def measure(chosen, bench, workers, done=lambda _: None):
    """Measure on the chosen problems, some at a time; `done` hears of each. Raises SandboxLost."""
    with ThreadPoolExecutor(workers) as threads:
        found = []
        for each in threads.map(partial(_measure_problem, bench), chosen):
            found.append(each)
            done(each)
    return _summary(found)


def holds(summary):
    """Return whether the three claims hold."""
    references, stubs, variants = summary["references"], summary["stubs"], summary["variants"]
    enough = references["rate"] is not None and references["rate"] >= MIN_REFERENCES
    return enough and not stubs["accepted"] and not variants["accepted"]


def _measure_problem(bench, problem):
    """Judge the reference, the stubs and some wrong variants of one problem."""
    mutants = candidates(problem)
    sources = [mutant.source for mutant in mutants]
    problem, left_out, verdicts = explored(problem, sources, bench.environment, bench.sandbox)
    own = [call for call in problem.calls if not call["derived"]]
    result = {"problem": problem.task_id, "entry": problem.entry, "calls": len(own), "left_out": left_out}
    if not own:
        return {**result, "usable": False}
    spec = specification(problem, example_calls(problem))
    tests = pinning_tests(problem, problem.calls)
    wrong = wrong_variants(problem, mutants, verdicts)
    specs = [(variant, arranged(problem, variant)) for variant in wrong]
    judged = sorted(specs, key=lambda pair: pair[1] is None)[: bench.variants]
    return {
        **result,
        "usable": True,
        "reference": _verdict(bench, problem, spec, problem.module, tests),
        "stubs": {what: _verdict(bench, problem, spec, stubbed(problem, body), tests) for what, body in STUBS.items()},
        "mutants": len(mutants),
        "wrong": len(wrong),
        "arrangeable": sum(arrangement is not None for _, arrangement in specs),
        "variants": [
            {
                "line": variant.line,
                "kind": variant.kind,
                "arranged": arrangement is not None,
                **_verdict(bench, problem, arrangement or spec, variant.module, pinning_tests(problem, variant.calls)),
            }
            for variant, arrangement in judged
        ],
    }


def _verdict(bench, problem, spec, module, tests):
    with tempfile.TemporaryDirectory(prefix="agenthands-bench-") as folder:
        write_workspace(Path(folder), problem, spec, tool_text(problem, module), tests)
        report = judge(spec, Path(folder), bench.environment, bench.sandbox, JUDGE_SECONDS)
    return {
        "accepted": report.accepted,
        "passed": [check.name for check in report.checks if check.passed],
        "failed": {check.name: (check.detail.splitlines() or [""])[0][:200] for check in report.failures()},
        "seconds": report.seconds,
    }


def _summary(found):
    usable = [each for each in found if each["usable"]]
    references = [each["reference"] for each in usable]
    passed = [each for each in references if set(NAMED) <= set(each["passed"])]
    stubs = [verdict for each in usable for verdict in each["stubs"].values()]
    variants = [verdict for each in usable for verdict in each["variants"]]
    hidden = [each for each in variants if each["arranged"]]
    return {
        "problems": len(found),
        "left_out_problems": {each["problem"]: each["left_out"] for each in found if not each["usable"]},
        "left_out_calls": {each["problem"]: each["left_out"] for each in usable if each["left_out"]},
        "references": {
            "judged": len(references),
            "passed": len(passed),
            "rate": _rate(len(passed), len(references)),
            "accepted_by_all_checks": sum(each["accepted"] for each in references),
            "failed_checks": _failed_checks(references),
        },
        "stubs": {
            "judged": len(stubs),
            "accepted": sum(each["accepted"] for each in stubs),
            "failed_checks": _failed_checks(stubs),
        },
        "variants": {
            "mutants": sum(each["mutants"] for each in usable),
            "fail_the_data_sets_tests": sum(each["wrong"] for each in usable),
            "shown_by_held_out_only": sum(each["arrangeable"] for each in usable),
            "judged": len(variants),
            "judged_shown_by_held_out_only": len(hidden),
            "accepted": sum(each["accepted"] for each in variants),
            "rejected_by_held_out_alone": sum(list(each["failed"]) == ["held_out"] for each in hidden),
            "not_rejected_by_held_out": sum("held_out" not in each["failed"] for each in hidden),
            "failed_checks": _failed_checks(variants),
        },
        "each": found,
    }


def _rate(part, whole):
    return round(part / whole, 4) if whole else None


def _failed_checks(verdicts):
    names = [name for verdict in verdicts for name in verdict["failed"]]
    return {name: names.count(name) for name in dict.fromkeys(names)}


def _show(summary, seconds):
    from rich.console import Console
    from rich.table import Table

    references, stubs, variants = summary["references"], summary["stubs"], summary["variants"]
    table = Table("what", "judged", "result", title=f"The gate on {summary['problems']} problems of HumanEval")
    rate = "-" if references["rate"] is None else f"{references['rate']:.1%}"
    table.add_row(
        "reference solutions", str(references["judged"]), f"{rate} pass {', '.join(NAMED)} ({references['passed']})"
    )
    table.add_row("", "", f"{references['accepted_by_all_checks']} accepted by all checks")
    table.add_row("stubs", str(stubs["judged"]), f"{stubs['accepted']} accepted")
    accepted = _rate(variants["accepted"], variants["judged"])
    share = "-" if accepted is None else f"{accepted:.1%}"
    table.add_row("wrong variants", str(variants["judged"]), f"{share} accepted ({variants['accepted']})")
    hidden = variants["judged_shown_by_held_out_only"]
    table.add_row(
        "  only held-out examples show it",
        str(hidden),
        f"held_out rejects {hidden - variants['not_rejected_by_held_out']}, "
        f"alone {variants['rejected_by_held_out_alone']}",
    )
    table.add_row(
        "  of all variants",
        str(variants["mutants"]),
        f"{variants['fail_the_data_sets_tests']} fail the data set's tests; for {variants['shown_by_held_out_only']} "
        "held-out examples alone can show it",
    )
    table.add_row("seconds", "", f"{seconds:.0f}")
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(table)
    for line in _remarks(summary):
        console.print(line, markup=False)


def _remarks(summary):
    """Return what was left out, and of each reference solution and each accepted one what is wrong."""
    for kind, name in (("problem", "left_out_problems"), ("calls of", "left_out_calls")):
        for problem, reasons in summary[name].items():
            said = ", ".join(f"{reason} ({count})" for reason, count in reasons.items())
            yield f"left out: {kind} {problem}: {said or 'no call was recorded'}"
    for each in summary["each"]:
        if not each["usable"]:
            continue
        for check, line in each["reference"]["failed"].items():
            named = "" if check in NAMED else " (not one of the four)"
            yield f"{each['problem']}: the reference fails {check}{named}: {line}"
        wrongly = [what for what, verdict in each["stubs"].items() if verdict["accepted"]]
        wrongly += [f"{item['kind']} in line {item['line']}" for item in each["variants"] if item["accepted"]]
        for what in wrongly:
            yield f"{each['problem']}: ACCEPTED although wrong: {what}"


def main():
    """Measure, print, write."""
    from agenthands.environments.uv import UvInstaller
    from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, help="how many, sampled evenly; default all")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="problems at a time; default cores")
    parser.add_argument("--variants-per-problem", type=int, default=2, metavar="K", help="wrong variants to judge")
    options = parser.parse_args()
    started = time.monotonic()
    chosen = problems(options.problems)
    sandbox = BubblewrapSandbox()
    sandbox.check()
    environment = UvInstaller(ROOT / ".cache" / "test-home").nat()
    bench = Bench(environment, sandbox, options.variants_per_problem)
    seen = []
    end = "\r" if sys.stderr.isatty() else "\n"

    def done(each):
        seen.append(each)
        if sys.stderr.isatty() or len(seen) % 10 == 0:
            print(f"{len(seen)} of {len(chosen)} problems", end=end, file=sys.stderr, flush=True)

    summary = measure(chosen, bench, options.workers, done)
    seconds = time.monotonic() - started
    _show(summary, seconds)
    result = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "versions": {"gate": GATE_VERSION, "agenthands": version("agenthands")},
        "options": vars(options),
        "seconds": round(seconds, 1),
        "holds": holds(summary),
        **summary,
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if holds(summary) else 1


if __name__ == "__main__":
    sys.exit(main())
