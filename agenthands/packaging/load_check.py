"""Whether NAT can load the agent of a plan, found out before any of its tools is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agenthands.environments.base import Environment
from agenthands.environments.nat_registry import NatRegistry
from agenthands.errors import SandboxLost
from agenthands.evaluation.prepared_nat import VARIABLES, code_of, prepared_nat
from agenthands.llm.settings import ModelSettings
from agenthands.packaging.nat_config import as_yaml, nat_config, own_modules, package_name
from agenthands.packaging.package import render
from agenthands.sandbox.base import Command, Limits, Sandbox
from agenthands.schemas import Plan

_SCRIPT = Path(__file__).parent / "load_check_script.py"


def load_fault(plan: Plan, registry: NatRegistry, environment: Environment, sandbox: Sandbox, scratch: Path) -> str:
    """Return why NAT cannot load the agent that the plan describes, in NAT's words; empty if it can.

    The configuration is the one that would be delivered, with placeholders for custom tools, servers and models.
    Nothing is asked. `scratch` is a folder for it. Raises SandboxLost.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    package = package_name(plan)
    config = nat_config(plan, registry, [], ModelSettings(model="placeholder"))
    served = [f"{server.id}__{tool}" for server in plan.mcp_servers for tool in server.tools]
    placeholders = [*(tool.name for tool in plan.custom_tools), *served]
    config["functions"] |= {name: {"_type": name} for name in placeholders}
    (scratch / "config.yml").write_text(as_yaml(config), encoding="utf-8")
    modules = [scratch / f"{module}.py" for module in own_modules(plan, registry)]
    for module in modules:
        module.write_text(render(f"{module.name}.j2", {"package": package}), encoding="utf-8")
    request = {
        "config": str(scratch / "config.yml"),
        "model": f"{package}_model",
        "modules": [str(module) for module in modules],
        "tools": [
            *({"name": each.name, "description": each.description, "parameters": each.argument_names}
              for each in plan.custom_tools),
            *({"name": name, "description": name, "parameters": []} for name in served),
        ],
    }  # fmt: skip
    return _said(_run(request, environment, sandbox, scratch))


def _run(request: dict[str, Any], environment: Environment, sandbox: Sandbox, scratch: Path) -> bytes:
    result = sandbox.run(
        Command(
            argv=[str(environment.python), "-P", "-c", code_of(_SCRIPT)],
            workspace=scratch,
            read_only=[environment.path],
            variables=VARIABLES,
            stdin=json.dumps(request).encode(),
            limits=Limits(seconds=180),
            prepared=prepared_nat(environment),
        )
    )
    if result.exit_code != 0:
        raise SandboxLost(f"The load check did not end by itself: {result.stderr.decode(errors='replace')[-800:]}")
    return result.stdout


def _said(output: bytes) -> str:
    try:
        return str(json.loads(output.splitlines()[-1])["error"])
    except (ValueError, LookupError, TypeError) as error:
        raise SandboxLost(f"The load check gave no report: {output[-800:]!r}") from error
