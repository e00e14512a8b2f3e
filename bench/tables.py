"""The tables of docs/performance.md, made of bench/results.json: `python -m bench.tables` writes them anew.

A table stands between `<!-- bench:NAME -->` and `<!-- /bench -->`. A line that was not measured keeps its old table.
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results.json"
PAGE = ROOT / "docs" / "performance.md"


def _table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _seed(found):
    head = [
        "tools", "seed's way, s", "AgentHands, s", "times faster", "bound, s", "times the bound", "CPU s a tool",
        "with start-up, s", "times faster",
    ]  # fmt: skip
    rows = [
        [
            line["tools"],
            f"{line['seed_seconds']}{'' if line['seed_is'] == 'measured' else ' (' + line['seed_is'] + ')'}",
            line["seconds"], line["ratio"], line["bound"], line["times_the_bound"], line["cpu_a_tool"],
            line["whole_seconds"], line["whole_ratio"],
        ]
        for line in found["lines"]
    ]  # fmt: skip
    return _table(head, rows)


def _cpu(found):
    pytest, new = found["one command of an agent"]["pytest"], found["new interpreters"]
    parts = [
        ("coder: 12 steps of the SDK, in the factory", "coder", "factory"),
        (f"coder: its terminal ({pytest} for one pytest)", "coder", "sandboxes"),
        ("gate: in the factory", "gate", "factory"),
        ("gate: in its sandboxes", "gate", "sandboxes"),
        ("assembly of all tools", "assembly", "factory"),
    ]
    rows = [[what, found[stage][where], new[stage][where]] for what, stage, where in parts]
    once = [[f"once: {what}", seconds, ""] for what, seconds in found["imports, once a factory"].items()]
    return _table(["part", "CPU s", "with new interpreters"], [*rows, *once])


def _memory(found):
    head = ["agents at once", "factory, MB", "sandboxes, MB", "a process each, MB"]
    rows = [
        [line["agents"], line["factory_mb"], line["sandboxes_mb"], line.get("processes_mb", "")]
        for line in found["lines"]
    ]
    further = found["each_further_agent"]
    said = f"{further['factory_mb']} MB in the factory, {further['processes_mb']} MB as a process"
    return f"{_table(head, rows)}\n\nEach further agent: {said}."


def _start(found):
    loads = found["help_loads"]
    return _table(
        ["what", "s", "the other way, s"],
        [
            ["`agenthands --help`; with all imports of a build", found["help_seconds"],
             found["help_with_all_imports_seconds"]],
            ["server and imports of a build: beside each other; one after the other",
             found["server_and_imports_seconds"], found["server_then_imports_seconds"]],
            ["CPU of `agenthands --help`, in times of `python -c pass`", found.get("help_times_python", ""), ""],
            ["`agenthands demo` until its first line is shown", found.get("first_line_seconds", ""), ""],
            ["`agenthands demo` until its first stage is shown, with a server that is there; with one of its own",
             found["first_stage_seconds"], found.get("first_stage_own_server_seconds", "")],
            ["Prefect's embedded server until it answers", found["prefect_server_seconds"], ""],
            ["its CPU", found["prefect_server_cpu"], ""],
            ["modules that `agenthands --help` loads", loads["modules"], ""],
            ["heavy packages among them", ", ".join(loads["heavy"]) or "none", ""],
            ["modules loaded twice", ", ".join(loads["twice"]) or "none", ""],
        ],
    )  # fmt: skip


def _rebuild(found):
    head = ["build", "s", "CPU s", "tools kept", "a full one takes times"]
    kinds = ("full", "all kept", "one changed")
    rows = [
        [f"{found['tools']} tools, {name}", line["seconds"], line["cpu"], line["kept_tools"],
         line.get("full_takes_times", "")]
        for name, line in ((name, found[name]) for name in kinds)
    ]  # fmt: skip
    return _table(head, rows)


def _prefect(found):
    rows = [[name, line["wall"], line["cpu"], line["without"]] for name, line in found.items() if name != "machine"]
    return _table(["what", "wall s", "CPU s", "without Prefect, wall s"], rows)


def _gate(found):
    head = ["for each mutant", "wall s", "CPU s"]
    rows = [[name, each["wall"], each["cpu"]] for name, each in found["per_mutant"].items()]
    return f"{_table(head, rows)}\n\nThe whole gate, with {found['mutants']} mutants: {found['gate_seconds']} s."


def _demo(found):
    stages = [[f"its stage {name}", seconds] for name, seconds in found["demo_stages"].items()]
    return _table(
        ["what", "s"],
        [
            ["the demo: 2 tools, 3 MCP servers, 3 test cases", found["demo_seconds"]],
            ["until its first stage", found["demo_start_up_seconds"]],
            *stages,
            ["the demo again, all kept", found["rebuild_seconds"]],
            ["of that beyond start-up", found["rebuild_beyond_start_up_seconds"]],
        ],
    )


def _layers(found):
    ways = [
        ["NAT's environment, by itself", "nat"],
        [f"lock of NAT and {found['wheel']}", "resolve"],
        ["its environment, as a layer over NAT's", "layer"],
        ["its environment, by itself", "whole"],
    ]
    rows = [[what, found[way]["seconds"], found[way]["cpu"], found[way].get("start_cpu", "")] for what, way in ways]
    times = found["whole_takes_times"]
    said = f"By itself it takes {times['seconds']} times the seconds and {times['cpu']} times the CPU seconds."
    return f"{_table(['what', 's', 'CPU s', 'import of NAT in it, CPU s'], rows)}\n\n{said}"


def _team(found):
    ways = {"prepared": "a fork of an interpreter that has imported NAT", "new interpreters": "one of its own"}
    rows = [
        [f"{words}, {'the first' if when == 'first' else 'then'}", found[way][when]["wall"], found[way][when]["cpu"]]
        for way, words in ways.items()
        for when in ("first", "then")
    ]
    said = f"{found['agents']} agents, {found['cases']} test cases, a model that answers at once."
    return f"{_table(['loaded by', 's', 'CPU s'], rows)}\n\n{said}"


MAKERS = {
    "start": _start, "prefect": _prefect, "cpu": _cpu, "gate": _gate, "demo": _demo, "rebuild": _rebuild,
    "seed": _seed, "memory": _memory, "layers": _layers, "team": _team,
}  # fmt: skip


def tables():
    """Return a table for each line that was measured, with what it was measured on."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    made = {}
    for name, maker in MAKERS.items():
        if name in results:
            on = results[name]["machine"]
            said = f"{on['cores']} cores, Python {on['python']}, load {on['load']} at the end, {on['at']}"
            made[name] = f"{maker(results[name])}\n\nMeasured on {said} UTC (`make bench LINES={name}`)."
    return made


def page():
    """Return all tables as text."""
    return "\n\n".join(f"## {name}\n\n{table}" for name, table in tables().items())


def refresh():
    """Write the tables into docs/performance.md."""
    text = PAGE.read_text()
    for name, table in tables().items():
        between = re.compile(rf"(<!-- bench:{name} -->\n).*?(<!-- /bench -->)", re.DOTALL)
        text = between.sub(lambda found, table=table: f"{found[1]}\n{table}\n\n{found[2]}", text)
    PAGE.write_text(text)


if __name__ == "__main__":
    refresh()
