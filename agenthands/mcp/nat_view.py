"""What NAT makes of a server's tools, and what of them reaches a model: asked before any code is paid for."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agenthands._util.atomic_files import write_atomic
from agenthands._util.untrusted_json import read_scrubbed
from agenthands.environments.base import Environment
from agenthands.mcp.catalogue_server import CatalogueServer
from agenthands.mcp.probe import Probe
from agenthands.sandbox.base import Command, Limits, Sandbox
from agenthands.schemas.part import CALLABLE

_SCRIPT = Path(__file__).parent / "nat_view_script.py"
_SECONDS = 180.0
# Of all providers, Anthropic's rule for the names of parameters is the narrowest.
_PARAMETER = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True)
class NatView:
    """`faults` are reasons why NAT cannot read a tool, by the server's name for it; `error` is any other failure.

    `seen` are the planned tools as a model's provider gets them: name, description, parameters.
    """

    faults: Mapping[str, str]
    error: str
    seen: Sequence[Mapping[str, Any]]


def view_by_nat(
    entry: CatalogueServer,
    used: Sequence[str],
    probe: Probe,
    places: tuple[Environment, Environment],
    sandbox: Sandbox,
    scratch: Path,
) -> NatView:
    """Have NAT read all tools that a server listed, and return its view of the `used` ones.

    `places` are the server's environment, in which the view is cached, and NAT's. Raises SandboxLost.
    """
    server, nat = places
    renamed = {tool.listed: {"alias": tool.name} for tool in entry.tools if tool.listed}
    request = {"id": entry.id, "tools": list(probe.tools), "include": sorted(set(used)), "overrides": renamed}
    key = json.dumps([_SCRIPT.read_text(encoding="utf-8"), nat.lock_sha256, request], sort_keys=True)
    kept = server.path / f"nat-view-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    if kept.is_file():
        return NatView(**json.loads(kept.read_bytes()))
    result = sandbox.run(
        Command(
            argv=[str(nat.python), "-P", str(_SCRIPT)],
            workspace=scratch,
            read_only=[nat.path, _SCRIPT],
            variables={"PYTHONDONTWRITEBYTECODE": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
            stdin=json.dumps(request).encode(),
            limits=Limits(seconds=_SECONDS, output_bytes=16 * 1024**2),
        )
    )
    try:
        view = NatView(**read_scrubbed(result.stdout))
    except (ValueError, TypeError):
        ended = f"its bound on {result.ended_by}" if result.ended_by else f"exit code {result.exit_code}"
        return NatView({}, f"the look at it ended with {ended}", [])
    if not view.error:
        write_atomic(kept, json.dumps(asdict(view)))
    return view


def view_complaints(entry: CatalogueServer, used: Sequence[str], probe: Probe, view: NatView) -> list[str]:
    """Return the reasons why an agent cannot use these tools; empty if it can."""
    server = f"mcp_servers: {entry.id} {entry.version}"
    complaints = [
        f"{server} cannot be used: NAT reads all that a server lists, and cannot read {name!a}: {reason}"
        for name, reason in view.faults.items()
    ]
    if view.error:
        return [*complaints, f"{server} cannot be used by NAT: {view.error}"]
    if complaints:
        return complaints
    seen = {str(each.get("name")): each for each in view.seen}
    listed = {tool["name"]: tool.get("inputSchema") or {} for tool in probe.tools}
    for tool in entry.tools:
        if tool.name in used:
            called = f"{entry.id}__{tool.name}"
            if called not in seen or not re.fullmatch(CALLABLE, called):
                complaints.append(f"{server}: {tool.name!r} does not reach a model as {called}.")
            elif reason := _lost(listed.get(tool.server_name, {}), seen[called]):
                complaints.append(f"{server}: {tool.name!r} cannot be called: {reason}.")
    return complaints


def _lost(schema: Mapping[str, Any], function: Mapping[str, Any]) -> str:
    """Return what a model could not say of a tool's parameters; empty if nothing that it must say."""
    wanted = schema.get("properties")
    wanted = wanted if isinstance(wanted, dict) else {}
    kept = (function.get("parameters") or {}).get("properties") or {}
    gone = [name for name in wanted if name not in kept]
    if gone and (len(gone) == len(wanted) or set(gone) & set(schema.get("required") or [])):
        return f"NAT does not show a model its parameters {', '.join(map(ascii, gone))}"
    if odd := [name for name in kept if not _PARAMETER.fullmatch(name)]:
        return f"providers refuse its parameters {', '.join(map(ascii, odd))}"
    return ""
