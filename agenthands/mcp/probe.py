"""Starts an installed MCP server once, in a sandbox, and checks the tools that it lists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agenthands._util.atomic_files import write_atomic
from agenthands._util.untrusted_json import read_scrubbed
from agenthands.environments.base import Environment
from agenthands.mcp.catalogue_server import CatalogueServer
from agenthands.mcp.tool_poisoning import poisoned
from agenthands.sandbox.base import Command, Limits, Sandbox

_SCRIPT = Path(__file__).parent / "probe_script.py"
_SECONDS = 60.0


@dataclass(frozen=True)
class Probe:
    """What a server did: `error` is empty if it started and listed its tools, which are in `tools`.

    `lookups` is how often it asked for the address of a host meanwhile.
    """

    error: str
    tools: Sequence[Mapping[str, Any]]
    stderr: str
    seconds: float
    lookups: int = 0

    @property
    def tools_sha256(self) -> str:
        """The SHA-256 of the names, descriptions and schemas of all tools."""
        return hash_tools(self.tools)


def probe_server(
    entry: CatalogueServer,
    environment: Environment,
    sandbox: Sandbox,
    scratch: Path,
    seconds: float = _SECONDS,
    again: bool = False,
) -> Probe:
    """Start the server without network, with placeholders for the user's values, and return what it lists.

    A server that does not start, does not answer or lists nonsense is a result. `scratch` is its working folder, and
    `seconds` its time limit. A successful probe is cached in the environment, which does not change, and is repeated
    only if `again` is true. Raises SandboxLost.
    """
    command = [str(environment.path / "bin" / entry.command[0]), *entry.arguments(entry.placeholders())]
    variables = entry.started_with(entry.placeholders())
    request = {"command": command, "variables": variables, "seconds": seconds}
    kept = environment.path / f"probe-{_digest([_SCRIPT.read_text(encoding='utf-8'), command, variables])[:16]}.json"
    if kept.is_file() and not again:
        return Probe(**json.loads(kept.read_bytes()))
    probe = _probed(request, environment, sandbox, scratch)
    if not probe.error:
        write_atomic(kept, json.dumps(asdict(probe)))
    return probe


def _probed(request: Mapping[str, Any], environment: Environment, sandbox: Sandbox, scratch: Path) -> Probe:
    result = sandbox.run(
        Command(
            argv=[str(environment.python), "-P", str(_SCRIPT)],
            workspace=scratch,
            read_only=[environment.path, _SCRIPT],
            variables={"PYTHONDONTWRITEBYTECODE": "1"},
            stdin=json.dumps(request).encode(),
            # Node reserves far more address space than it uses memory.
            limits=Limits(seconds=request["seconds"] + 15, memory_bytes=16 * 1024**3, output_bytes=16 * 1024**2),
        )
    )
    try:
        outcome = read_scrubbed(result.stdout)
    except ValueError:
        ended = f"was ended by its bound on {result.ended_by}" if result.ended_by else "broke the probe"
        return Probe(f"it {ended}", [], result.stderr[-4000:].decode(errors="replace"), result.seconds)
    tools = [tool for tool in outcome["tools"] if isinstance(tool, dict) and isinstance(tool.get("name"), str)]
    return Probe(outcome["error"], tools, outcome["stderr"], result.seconds, outcome["lookups"])


def validate_tools(entry: CatalogueServer, used: Sequence[str], probe: Probe) -> list[str]:
    """Return the reasons why a plan cannot use these tools of the server; empty if it can."""
    server = f"mcp_servers: {entry.id} {entry.version}"
    if probe.error:
        said = " ".join(probe.stderr.split())[-300:]
        return [f"{server} does not start: {probe.error}" + (f"; it wrote: {ascii(said)[1:-1]}" if said else "")]
    listed = sorted(tool["name"] for tool in probe.tools)
    known = {tool.name: tool.server_name for tool in entry.tools}
    complaints = [
        f"{server} has no tool {name!r}; it has {', '.join(map(ascii, listed))}."
        for name in used
        if known.get(name, name) not in listed
    ]
    complaints += [
        f"{server}: a text of the tool {found.tool!r} instructs the model ({found.rule}): {found.quote!r}"
        for found in poisoned(probe.tools)
    ]
    if entry.tools_sha256 and probe.tools_sha256 != entry.tools_sha256:
        complaints.append(
            f"{server}: its tools are not those that were checked for the catalogue "
            f"({probe.tools_sha256[:12]}, not {entry.tools_sha256[:12]})."
        )
    return complaints


def hash_tools(tools: Sequence[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of the names, descriptions and input schemas; the order of the tools does not matter.

    Runs of spaces count as one: Python 3.13 removes the indentation of docstrings, 3.12 does not.
    """
    seen = sorted(
        (str(tool["name"]), _spaced(tool.get("description") or ""), _canonical(tool.get("inputSchema")))
        for tool in tools
    )
    return _digest(seen)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, separators=(",", ":")).encode()).hexdigest()


def _canonical(value: Any) -> str:
    return _spaced(json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).replace("\\n", " "))


def _spaced(text: Any) -> str:
    return " ".join(str(text).split())
