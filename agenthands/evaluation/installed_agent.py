"""An agent that is installed, what it may reach, and the command that loads it in a sandbox."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agenthands.environments.base import Environment
from agenthands.evaluation.case_verdict import AgentParts
from agenthands.evaluation.prepared_nat import VARIABLES, code_of, prepared_nat
from agenthands.llm.gateway.base import OpenGateway, name_of
from agenthands.outside.gateway import Outside
from agenthands.outside.network import Network
from agenthands.sandbox.base import Command, Limits
from agenthands.schemas import ToolSpec

LOAD_SECONDS = 120.0
_FOLDER = Path(__file__).parent
_SCRIPT = _FOLDER / "agent_script.py"
_BESIDE = [_FOLDER / name for name in ("nat_steps.py", "talk_script.py", "worlds_script.py")]


@dataclass(frozen=True)
class InstalledAgent:
    """An installed package: `site` holds the installed wheel, `config` is NAT's YAML file.

    `variables` are placeholders for what its MCP servers require from their user, and `read_only` is what else it may
    see. `parts` says of the plan what decides about answers, `tools` has the specifications of those that were written
    for it. `roles` are those of its models besides the usual one.
    """

    workspace: Path
    site: Path
    config: Path
    environment: Environment
    servers: Mapping[str, Environment]
    variables: Mapping[str, str] = field(default_factory=dict)
    parts: AgentParts = field(default_factory=AgentParts)
    tools: Sequence[ToolSpec] = ()
    read_only: Sequence[Path] = ()
    roles: Sequence[str] = ()


@dataclass(frozen=True)
class Reach:
    """What the agent may reach: its model through `gateway`, and hosts through the proxy at `egress`.

    Hosts that its tools declare are reached through `outside`, which has their keys. `closed` says that the proxy
    lets nothing through, and `refused` are the hosts that it refused so far.
    """

    gateway: OpenGateway
    egress: Path | None = None
    closed: bool = False
    refused: Sequence[str] = ()
    outside: Outside | None = None

    @classmethod
    def through(cls, gateway: OpenGateway, network: Network | None, *, closed: bool = False) -> Reach:
        """Return the reach of a network, or of the model alone."""
        if network is None:
            return cls(gateway, closed=closed)
        return cls(gateway, network.egress, closed, network.refused, network.outside)

    @property
    def lacked(self) -> bool:
        """Whether something may not have reached the network that it needs."""
        return self.egress is None or self.closed or bool(self.refused)


def agent_command(agent: InstalledAgent, reach: Reach, request: Mapping[str, Any], seconds: float) -> Command:
    """Return the command that loads the agent and does what `request` says (see agent_script.py), for `seconds`."""
    servers = [each.path for each in agent.servers.values()]
    told = {"config": str(agent.config), "beside": str(_FOLDER), **request}
    outside = reach.outside
    return Command(
        argv=[str(agent.environment.python), "-P", "-c", code_of(_SCRIPT)],
        workspace=agent.workspace,
        read_only=[
            agent.environment.path,
            *servers,
            *_BESIDE,
            *agent.read_only,
            *(outside.read_only if outside else []),
        ],
        variables={
            **agent.variables,
            **(outside.variables if outside else {}),
            **VARIABLES,
            "PYTHONPATH": str(agent.site),
            **{model_variable(role): f"openai/{name_of(role)}" for role in ("", *agent.roles)},
            "AGENT_MCP_HOME": str(_mcp_home(agent)),
            "OPENAI_API_BASE": "{model_url}",
            "OPENAI_API_KEY": reach.gateway.token,
        },
        stdin=json.dumps(told).encode(),
        limits=Limits(seconds=seconds, memory_bytes=16 * 1024**3, output_bytes=8 * 1024**2),
        network="egress" if reach.egress else "model",
        model_socket=reach.gateway.socket,
        egress_socket=reach.egress,
        loopback=outside.gateway if outside else None,
        prepared=prepared_nat(agent.environment),
    )


def model_variable(role: str) -> str:
    """Return the environment variable that names the model of a role; empty is the usual one."""
    return f"AGENT_MODEL_{role.upper()}" if role else "AGENT_MODEL"


def _mcp_home(agent: InstalledAgent) -> Path:
    """Create the folder that `setup_mcp.sh` creates for a user, with links to the installed environments."""
    home = agent.workspace / "mcp"
    home.mkdir(exist_ok=True)
    for name, environment in agent.servers.items():
        link = home / name
        link.unlink(missing_ok=True)
        link.symlink_to(environment.path)
    return home
