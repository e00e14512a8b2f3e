"""Checks the catalogue of MCP servers: installs each, starts it in a sandbox, and compares the tools that it lists.

    python -m agenthands.mcp.probe_catalogue [--update] [--folder FOLDER] [ID ...]

Without --update it reports what is wrong, and exits with 1 if anything is. With --update it writes the tools, their
hash and the day into the entries; read the diff before you commit it, because models will read these texts. To update
a server, change its version and `as_of` first. Needs the package indexes, and bubblewrap.
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
from agenthands.mcp.catalogue import EXTENSION, CatalogueServer, server_of
from agenthands.mcp.probe import Probe, probe_server, validate_tools
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
        if update:
            own.setdefault("as_of", time.strftime("%Y-%m-%d", time.gmtime()))
            own |= {"tools_sha256": "", "tools": [{"name": "unknown"}]}
        entry = server_of(path.stem, document, str(path))
        probe = _probed(entry)
    except AgentHandsError as error:
        return "unusable", [f"{error.message} {error.hint}".strip()]
    complaints = validate_tools(entry, [], probe)
    listed = [_shown(tool) for tool in probe.tools]
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


def _shown(tool: Mapping[str, Any]) -> dict[str, str]:
    """Return a tool as the planner sees it: its name, and the first sentence of its description."""
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
