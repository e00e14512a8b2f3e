"""What an agent's package was made from, as `build.json` inside it: the same for the same plan and tools."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from agenthands import __version__
from agenthands.agent_config import PlannedServer
from agenthands.models import Plan
from agenthands.prompting import prompt_hashes

BUNDLE_FORMAT = "agenthands-bundle-1"


def origin(
    plan: Plan, servers: Sequence[PlannedServer], nat_version: str, agent_model: str, files: Mapping[str, bytes]
) -> bytes:
    """Give the text of `build.json`.

    It names the prompts that made the plan and the tools; the judge's make nothing. What a build cost, when it ran
    and which models planned and wrote stand in its record in the store.
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
        "prompts": {name: digest for name, digest in prompt_hashes().items() if not name.startswith("judge/")},
        "files": {path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())},
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
