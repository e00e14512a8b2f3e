"""What the installed NAT offers: read from its registry inside a sandbox, and kept beside the environment."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agenthands.errors import SandboxLost
from agenthands.ports import Command, Environment, Limits, Sandbox
from agenthands.whole_files import write_whole

_SCRIPT = Path(__file__).parent / "nat_registry_script.py"


class NatRegistry(BaseModel):
    """The component types that the installed NAT knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    scaffolds: dict[str, dict[str, bool]]
    """By _type: the fields of its configuration, and whether each is required."""
    functions: list[str]
    """Every other function _type."""

    def plannable_scaffolds(self) -> list[str]:
        """Give the scaffolds that a plan's tools can fill: see `assembly.config`."""
        return sorted(
            name
            for name, fields in self.scaffolds.items()
            if fields.keys() & {"tool_names", "tool_list", "branches", "augmented_fn"}
            and {field for field, required in fields.items() if required} <= {"llm_name", "augmented_fn"}
        )


def read_registry(environment: Environment, sandbox: Sandbox, scratch: Path) -> NatRegistry:
    """Ask NAT for its components (6 s the first time for an environment). Raises SandboxLost."""
    kept = environment.path / "nat_registry.json"
    if kept.is_file():
        return NatRegistry.model_validate_json(kept.read_text(encoding="utf-8"))
    result = sandbox.run(
        Command(
            argv=[str(environment.python), "-P", str(_SCRIPT)],
            workspace=scratch,
            read_only=[environment.path, _SCRIPT],
            variables={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
            limits=Limits(seconds=180),
        )
    )
    if result.exit_code != 0:
        raise SandboxLost(f"NAT does not start in its environment: {result.stderr.decode(errors='replace')[-800:]}")
    registry = NatRegistry(**json.loads(result.stdout.splitlines()[-1]))
    write_whole(kept, registry.model_dump_json())
    return registry
