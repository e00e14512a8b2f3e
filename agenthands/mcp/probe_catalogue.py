"""Checks the catalogue of MCP servers: installs each, starts it in a sandbox, and compares the tools that it lists.

    python -m agenthands.mcp.probe_catalogue [--update] [--folder FOLDER] [ID ...]

Without --update it reports what is wrong, and exits with 1 if anything is. With --update it writes the tools, their
hash and the day into the entries; read the diff before you commit it, because models will read these texts. What a tool
`does` is kept where somebody has marked it; otherwise it is what the server's annotations say, and "writes" where they
say nothing. To update a server, change its version and `as_of` first. Needs the package indexes, and bubblewrap.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from agenthands.environments.uv import UvInstaller
from agenthands.errors import AgentHandsError
from agenthands.mcp.catalogue_server import CatalogueServer
from agenthands.mcp.probe import Probe, probe_server, validate_tools
from agenthands.mcp.registry_entry import EXTENSION, server_of
from agenthands.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agenthands.settings import load_settings

SHIPPED = Path(__file__).resolve().parent / "servers"
SENTENCE = 160


def main(arguments: Sequence[str]) -> int:
    """Probe the given entries, two at a time, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write tools, hash and day into the entries")
    parser.add_argument("--folder", type=Path, default=SHIPPED, help="the catalogue's folder")
    parser.add_argument("ids", nargs="*", help="all if none")
    options = parser.parse_args(arguments)
    paths = [options.folder / f"{name}.json" for name in options.ids] or sorted(options.folder.glob("*.json"))
    wrong = 0
    with ThreadPoolExecutor(2) as pool:
        for path, (line, complaints) in zip(paths, pool.map(lambda p: judge(p, options.update), paths), strict=True):
            wrong += bool(complaints)
            sys.stdout.write("\n    ".join([f"{path.stem}: {line}", *complaints]) + "\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(paths) - wrong} of {len(paths)} entries are true\n")
    return 1 if wrong else 0


def judge(path: Path, update: bool) -> tuple[str, list[str]]:
    """Return a line about one entry, and what is wrong with it; with `update`, write the server's tools into it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        own = document["_meta"][EXTENSION]
        marks = {tool["name"]: tool.get("does", "") for tool in own.get("tools", [])}
        if update:
            own.setdefault("as_of", time.strftime("%Y-%m-%d", time.gmtime()))
            own |= {"tools_sha256": "", "tools": [{"name": "unknown"}]}
        entry = server_of(path.stem, document, str(path))
        probe = _probed(entry)
    except AgentHandsError as error:
        return "unusable", [f"{error.message} {error.hint}".strip()]
    complaints = validate_tools(entry, [], probe)
    if probe.lookups:
        complaints = [*complaints, f"it asks for addresses of hosts at its start, {probe.lookups} times"]
    listed = _shown_all(probe.tools, marks)
    if update and not complaints:
        own |= {"tools_sha256": probe.tools_sha256, "tools": listed}
        path.write_text(_text(document), encoding="utf-8")
    elif not complaints and own["tools"] != listed:
        complaints = ["the entry's list of tools is not the server's; --update writes it"]
    return f"{entry.package} {entry.version}, {len(probe.tools)} tools in {probe.seconds:.1f} s", complaints


def _probed(entry: CatalogueServer) -> Probe:
    settings = load_settings()
    environments = UvInstaller(settings.home, trusted=settings.trusted_packages)
    environment = environments.server(entry.registry, entry.package, entry.version, entry.as_of)
    with tempfile.TemporaryDirectory(prefix="agenthands-") as scratch:
        return probe_server(entry, environment, BubblewrapSandbox(), Path(scratch), again=True)


def _shown_all(tools: Sequence[Mapping[str, Any]], marks: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the tools as the planner sees them, each with what it does, and with the one of which it is a variant."""
    first: dict[str, str] = {}
    shown = []
    for tool in sorted(tools, key=lambda tool: len(tool["name"])):
        same = json.dumps([tool.get("description") or tool["name"], tool.get("inputSchema")], sort_keys=True)
        variant = {"same_as": first[same]} if first.setdefault(same, tool["name"]) != tool["name"] else {}
        shown.append({**_shown(tool), "does": marks.get(tool["name"]) or _effect(tool), **variant})
    order = [tool["name"] for tool in tools]
    return sorted(shown, key=lambda tool: order.index(tool["name"]))


def _effect(tool: Mapping[str, Any]) -> str:
    """Return what a tool does, as far as the server's annotations say."""
    hints = tool.get("annotations")
    return "reads" if isinstance(hints, dict) and hints.get("readOnlyHint") is True else "writes"


def _shown(tool: Mapping[str, Any]) -> dict[str, str]:
    """Return the name of a tool, and the first sentence of its description."""
    text = " ".join((tool.get("description") or "").split())
    sentence = re.match(r".{10,}?[.!?](?=\s|$)", text)
    text = sentence[0] if sentence else text
    if len(text) > SENTENCE:
        text = text[: SENTENCE - 4].rsplit(" ", 1)[0] + " ..."
    return {"name": tool["name"], **({"description": text} if text else {})}


def _text(document: dict[str, Any]) -> str:
    """Return the JSON of an entry, with one line for each tool."""
    own = document["_meta"][EXTENSION]
    tools = ",\n".join(f"        {json.dumps(tool, ensure_ascii=False)}" for tool in own["tools"])
    own["tools"] = ["TOOLS"]
    return json.dumps(document, indent=2, ensure_ascii=False).replace('        "TOOLS"', tools) + "\n"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
