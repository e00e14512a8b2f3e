"""Compiles every operation of descriptions of APIs, imports the tools under NAT, and plays their own worlds to them.

Prints for each description how many operations there are, how many become tools, how many of these NAT imports, and how
many give in their worlds what the worlds say, in a sandbox, with the client as it is. Then what failed, by kind.

    python -m bench.openapi FILE|URL... [--most N] [--write]

What follows `#` names the server, as for --openapi. --write puts the table into docs/openapi.md.
"""

import argparse
import datetime
import json
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from agenthands.environments.uv import UvInstaller
from agenthands.gate.checks.files import tool_path
from agenthands.openapi.catalogue import ApiCatalogue
from agenthands.openapi.document import CannotCompile
from agenthands.openapi.reading import read_source
from agenthands.openapi.source import tool_source
from agenthands.openapi.specification import tool_specification
from agenthands.sandbox.base import Command, Limits
from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agenthands.schemas import Effects, World
from agenthands.schemas.effects import HttpEffect
from agenthands.settings import Settings
from agenthands.world.staging import INSIDE, staged

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "openapi.md"
SCRIPT = Path(__file__).parent / "openapi_script.py"
AT_ONCE = 60
"""Tools a sandbox: each world of theirs is one for all of them."""


def compiled_tools(apis, most):
    """Return the specifications of all operations that become tools, and the reasons of the others by kind."""
    tools, reasons = [], []
    names = list(apis.operations)
    step = max(1, len(names) // most) if most else 1
    for name in names[::step]:
        try:
            compiled = apis.compiled(name)
        except CannotCompile as error:
            reasons.append((error.kind, f"{name}: {error}"))
        else:
            tools.append(tool_specification(apis.operations[name].document, compiled))
    return tools, reasons, len(names[::step])


def together(tools):
    """Return one specification with the worlds of all tools, each world with the exchanges of all that have it."""
    hosts, names = {}, {}
    for tool in tools:
        for each in tool.effects.http:
            hosts.setdefault(each.host, set()).update(each.methods)
        for name, world in tool.worlds.items():
            names.setdefault(name, []).extend(world.http)
    http = [HttpEffect(host=host, methods=sorted(methods)) for host, methods in hosts.items()]
    worlds = {name: World().model_copy(update={"http": http}) for name, http in names.items()}
    return tools[0].model_copy(update={"effects": Effects().model_copy(update={"http": http}), "worlds": worlds})


def job_of(tool):
    """Return what the script needs to know of a tool."""
    world = next(iter(tool.worlds.values()))
    config = {**world.settings, **{name.lower(): value for name, value in world.secrets.items()}}
    calls = [each.model_dump(mode="json", exclude={"requests", "leaves"}) for each in tool.examples]
    return {"name": tool.name, "config": config, "calls": calls}


def played(tools, environment, sandbox):
    """Return what became of each tool, by its name: the step that failed, and how."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, work = Path(scratch) / "tools", Path(scratch) / "work"
        (folder / "nat_tools").mkdir(parents=True)
        work.mkdir()
        for tool in tools:
            (folder / tool_path(tool.name)).write_text(tool_source(tool))
        job = {"folder": str(folder), "inside": str(INSIDE), "tools": [job_of(tool) for tool in tools]}
        command = Command(
            argv=[str(environment.python), "-P", "-c", SCRIPT.read_text()],
            workspace=work,
            read_only=[environment.path, folder, INSIDE],
            stdin=json.dumps(job).encode(),
            limits=Limits(seconds=1500, output_bytes=8 * 1024**2),
        )
        with staged(together(tools), Path(scratch) / "world") as stage:
            variables = {**command.variables, "AGENTHANDS_WORLDS": str(stage.description_file), "PATH": "/usr/bin:/bin"}
            command = Command(**{**command.__dict__, "variables": variables})
            done = sandbox.run(stage.around(command))
    try:
        return json.loads(done.stdout.decode().splitlines()[-1])
    except (ValueError, IndexError):
        return {tool.name: ["sandbox", done.stderr.decode()[-400:]] for tool in tools}


def measured(wanted, most, environment, sandbox):
    """Return the row of a description, and the reasons of what failed."""
    started = time.monotonic()
    source = read_source(wanted)
    apis = ApiCatalogue([source])
    tools, reasons, tried = compiled_tools(apis, most)
    seconds = time.monotonic() - started
    found = {}
    for start in range(0, len(tools), AT_ONCE):
        found |= played(tools[start : start + AT_ONCE], environment, sandbox)
    imported = sum(step not in ("import", "sandbox") for step, _ in found.values())
    answered = sum(not step for step, _ in found.values())
    reasons += [(step, f"{name}: {said}") for name, (step, said) in found.items() if step]
    version = next(iter(apis.operations.values())).document.content
    row = {
        "description": Path(source.name).name, "version": str(version.get("openapi") or version.get("swagger")),
        "operations": tried, "compiled": len(tools), "imported": imported, "answered": answered,
        "seconds": round(seconds, 1), "failed": dict(Counter(kind for kind, _ in reasons)),
    }  # fmt: skip
    return row, reasons


def table(rows):
    """Return the rows as Markdown, with their sum."""
    names = ("operations", "compiled", "imported", "answered")
    whole = {name: sum(row[name] for row in rows) for name in names}
    failed = sum((Counter(row["failed"]) for row in rows), Counter())
    rows = [*rows, {"description": "together", "version": "", **whole, "failed": failed}]
    head = [
        "description", "version", "operations", "compiled", "NAT imports", "answered in their worlds",
        "what failed, by kind",
    ]  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in rows:
        failed = ", ".join(f"{kind} {number}" for kind, number in sorted(row["failed"].items()))
        cells = [row["description"], row["version"], *(f"{row[name]:,}" for name in names), failed]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    last = rows[-1]
    share = 100 * last["answered"] / max(1, last["operations"])
    lines += [
        "",
        f"{share:.1f} % of all operations answered. Measured on {datetime.datetime.now(datetime.UTC):%Y-%m-%d}.",
    ]
    return "\n".join(lines)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("descriptions", nargs="+", metavar="FILE|URL")
    parser.add_argument("--most", type=int, default=0, help="operations of each description, evenly spread [all]")
    parser.add_argument("--write", action="store_true", help="put the table into docs/openapi.md")
    given = parser.parse_args()
    environment, sandbox = UvInstaller(Settings().home).nat(), BubblewrapSandbox()
    rows = []
    for wanted in given.descriptions:
        row, reasons = measured(wanted, given.most, environment, sandbox)
        rows.append(row)
        print(json.dumps(row), flush=True)
        for kind in row["failed"]:
            print("   ", kind, next(said for each, said in reasons if each == kind)[:600], file=sys.stderr, flush=True)
    print(table(rows))
    if given.write:
        page = PAGE.read_text()
        between = re.compile(r"(<!-- bench:openapi -->\n).*?(<!-- /bench -->)", re.DOTALL)
        PAGE.write_text(between.sub(lambda found: f"{found[1]}\n{table(rows)}\n\n{found[2]}", page))


if __name__ == "__main__":
    main()
