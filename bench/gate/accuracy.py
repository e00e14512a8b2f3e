"""Measures how often the gate is right.

Honest tools are those in bench/gate/honest_tools, and the reference solutions of HumanEval and MBPP+ wrapped as NAT
tools. Wrong ones are those in bench/gate/wrong_tools, the cheats of the gate's own tests, stubs, tables of the visible
examples, and variants of the references with one mutation that the data sets' own tests tell apart.

Prints a table, and each tool that was not judged as it should be. Ends with 1 where a claim does not hold: at least 95
of 100 honest tools are accepted at the first attempt, and 99 pass all checks on behaviour; no wrong one is accepted;
and with --load, verdicts are the same beside busy processes.

Every verdict is kept below .cache/bench/accuracy until the gate changes: an interrupted run goes on, and runs with
--part 1/4 to 4/4 share the work. One that has all kinds, data sets and problems writes the figures to
bench/results.json, and from there into README and docs/gate.md. So does one with --part 3/4 --so-far: it judges all
tools in folders and the first three parts of the problems, which are spread over the data sets, and the pages say so.
With --show it judges nothing, and writes the figures of the problems of which all is judged.
"""

import argparse
import re
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agenthands.environments.uv import UvInstaller
from agenthands.gate.gate import GATE_VERSION
from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from bench.gate import accuracy_pages, human_eval_data, mbpp_data
from bench.gate.accuracy_figures import claims, figures, notes, remarks, rows
from bench.gate.folder_tools import HONEST, WRONG, cheats, folder_tools
from bench.gate.judged_problems import JudgedProblem
from bench.gate.kept import FOLDER, Kept, fingerprint
from bench.gate.load import under_load
from bench.gate.verdicts import Judging
from bench.measuring import ROOT, save

SETS = {"HumanEval": human_eval_data.problems, "MBPP+": mbpp_data.problems}
KINDS = ("honest", "wrong", "problems")
WORKERS = 2
LOADED = 24


def subjects(options):
    """Return all that is to be judged, in an order in which any stretch has some of each kind."""
    tools = cheats() if "wrong" in options.only else []
    for kind, folders in {"honest": [HONEST, *options.honest], "wrong": [WRONG, *options.wrong]}.items():
        if kind in options.only:
            tools += [tool for folder in folders for tool in folder_tools(kind, folder)]
    variants = None if options.all_variants else options.variants_per_problem
    sets = [SETS[each]() for each in options.sets] if "problems" in options.only else []
    return tools + [
        JudgedProblem(problem, variants) for problems in sets for problem in spread(problems, options.problems)
    ]


def spread(items, count):
    """Return `count` of the items, spread evenly; all where it is None."""
    if count is None or count >= len(items):
        return items
    return [items[number * len(items) // count] for number in range(count)]


def part(items, which):
    """Return one part of the items; `which` is (1, 4) for the first of four."""
    number, parts = which
    return items[number - 1 :: parts]


def so_far(items, which):
    """Return the tools in folders, and the problems of all parts up to this one."""
    number, parts = which
    return [item for place, item in enumerate(items) if place % parts < number or not isinstance(item, JudgedProblem)]


def measure(chosen, judging, kept, done=lambda: None, workers=WORKERS):
    """Judge what was not judged yet, some at a time; `done` hears of each subject. Raises SandboxLost."""
    with ThreadPoolExecutor(workers) as threads:
        running = [threads.submit(subject.measure, judging, kept) for subject in chosen]
        try:
            for each in running:
                each.result()
                done()
        except BaseException:
            judging.stopping.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def results(chosen, kept):
    """Return what was kept of each subject, and how many have not been judged."""
    found = [subject.results(kept) for subject in chosen]
    return [each for each in found if each is not None], sum(each is None for each in found)


def loaded(chosen, judging, kept, count, number):
    """Judge `number` of the tools with and without load: those of folders as they are, of problems the references."""
    tools = {}
    for subject in spread(chosen, number):
        made = subject.reference(judging) if isinstance(subject, JudgedProblem) else (subject.spec, subject.texts)
        if made:
            tools[subject.name] = made
    kept.add(f"load {time.time():.0f}", {"kind": "load", **under_load(judging, tools, count)})


def show(found, remarked):
    """Print the figures."""
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "judged", "accepted", "right in behaviour", title="How often the gate is right")
    for row in rows(found):
        table.add_row(*row)
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(table)
    for line in [*notes(found), *remarked]:
        console.print(line, markup=False)
    if found["missing"]:
        console.print(f"{found['missing']} were not judged yet; run it again for these.")
    for claim, holds in claims(found).items():
        console.print(f"{'holds' if holds else 'DOES NOT HOLD'}: {claim}")


def options_of(arguments):
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=KINDS, help="one kind; may be repeated; default all")
    parser.add_argument("--sets", action="append", choices=SETS, help="one data set; may be repeated; default all")
    parser.add_argument("--problems", type=int, metavar="N", help="of each data set, spread evenly; default all")
    parser.add_argument("--variants-per-problem", type=int, default=2, metavar="K", help="wrong variants; default 2")
    parser.add_argument("--all-variants", action="store_true", help="all wrong variants of each problem")
    for kind in ("honest", "wrong"):
        words = f"judge the {kind} tools in the folders below it, too; may be repeated"
        parser.add_argument(f"--{kind}", action="append", type=Path, default=[], metavar="DIR", help=words)
    parser.add_argument(
        "--part", type=_part, default=(1, 1), metavar="K/N", help="judge a part, print all that is kept"
    )
    parser.add_argument("--so-far", action="store_true", help="judge all parts up to that one, and write the figures")
    parser.add_argument("--load", type=int, metavar="N", help="judge some tools again beside N busy processes")
    parser.add_argument("--load-tools", type=int, default=LOADED, metavar="N", help=f"how many; default {LOADED}")
    parser.add_argument("--show", action="store_true", help="judge nothing, print what is kept")
    parser.add_argument("--workers", type=int, default=WORKERS, help=f"at a time; default {WORKERS}")
    options = parser.parse_args(arguments)
    options.only, options.sets = options.only or list(KINDS), options.sets or list(SETS)
    return options


def _part(text):
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is no part; the first of four is 1/4.")
    return int(found[1]), int(found[2])


def is_whole(options):
    """Return whether the options ask for what README says figures of: everything here, and nothing else."""
    own = not options.honest and not options.wrong
    return own and options.problems is None and set(options.only) == set(KINDS) and set(options.sets) == set(SETS)


def main():
    """Measure, print, and write the figures where all was measured."""
    options = options_of(None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    sandbox = BubblewrapSandbox()
    sandbox.check()
    judging = Judging(UvInstaller(ROOT / ".cache" / "test-home"), sandbox)
    name = f"part-{options.part[0]}-of-{options.part[1]}"
    kept = Kept(FOLDER / fingerprint(), name)
    every = subjects(options)
    counted = so_far(every, options.part) if options.so_far else every
    chosen = counted if options.so_far else part(every, options.part)
    progress = Progress(len(chosen))
    if not options.show:
        measure(chosen, judging, kept, progress, options.workers)
    if options.load and not options.show:
        loaded(every, judging, kept, options.load, options.load_tools)
    load = next(reversed(kept.of_kind("load")), None)
    found, missing = results(counted, kept)
    summary = figures(found, missing, load)
    show(summary, remarks(found, load))
    print(f"{time.monotonic() - started:.0f} s; kept in {FOLDER / fingerprint()}")
    if is_whole(options) and (not missing or (options.so_far and options.show)):
        variants = "all" if options.all_variants else f"up to {options.variants_per_problem}"
        hours = round(summary["gate_seconds"] / WORKERS / 3600, 1)
        share = [summary["problems"]["all"], sum(isinstance(each, JudgedProblem) for each in every)]
        told = {"gate": GATE_VERSION, "variants_of_each": variants, "hours": hours, "problems_of": share}
        save("accuracy", {**told, **summary})
        accuracy_pages.refresh()
    return 0 if all(claims(summary).values()) else 1


class Progress:
    """Says on standard error how far it is."""

    def __init__(self, count):
        """Begin."""
        self._count, self._done = count, 0

    def __call__(self):
        """Count one, and say so now and then."""
        self._done += 1
        if sys.stderr.isatty() or self._done % 10 == 0:
            end = "\r" if sys.stderr.isatty() else "\n"
            print(f"{self._done} of {self._count}", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
