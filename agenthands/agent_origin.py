"""What an agent's package was made from, as `build.json` inside it: the same for the same plan and tools."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from agenthands import __version__
from agenthands.agent_config import PlannedServer
from agenthands.models import Plan

BUNDLE_FORMAT = "agenthands-bundle-1"


def origin(
    plan: Plan, servers: Sequence[PlannedServer], nat_version: str, agent_model: str, files: Mapping[str, bytes]
) -> bytes:
    """Give the text of `build.json`.

    With which prompts and models the plan and the tools were made, what that cost and when it was stands in the record
    in the store: the same plan and tools give the same package.
    """
    content = {
        "format": BUNDLE_FORMAT,
        "plan": plan.model_dump(mode="json"),
        "agent_model": agent_model,
        "versions": {"agenthands": __version__, "nvidia-nat": nat_version},
        "environment_lock_sha256": hashlib.sha256(files["requirements.lock"]).hexdigest(),
        "mcp_servers": [
            {"id": each.entry.id, "version": each.entry.version, "package": each.entry.package} for each in servers
        ],
        "files": {path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())},
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
