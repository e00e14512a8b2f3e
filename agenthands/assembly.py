"""From a plan and its accepted tools to an installable package. The same input gives the same bytes."""

from __future__ import annotations

import gzip
import io
import json
import re
import shlex
import tarfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agenthands.agent_config import PlannedServer, nat_config
from agenthands.agent_evaluation import as_yaml, evaluation
from agenthands.agent_origin import origin
from agenthands.gate.workspace import tests_path, tool_path
from agenthands.models import Plan
from agenthands.nat_registry import NatRegistry

_RENDERED = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "Dockerfile": "Dockerfile",
    "compose.yaml": "compose.yaml",
    ".dockerignore": "dockerignore",
    ".env.example": "env.example",
}
_TEMPLATES = Path(__file__).parent / "templates" / "agent"
_KEYS = {"gemini": ["GEMINI_API_KEY"], "openai": ["OPENAI_API_KEY"], "anthropic": ["ANTHROPIC_API_KEY"]}


def package_name(plan: Plan) -> str:
    """Give the import name of the agent's package; `_agent` keeps it clear of other packages."""
    name = plan.name.replace("-", "_").rstrip("_")
    return name if name.endswith("_agent") else f"{name}_agent"


def config_path(plan: Plan) -> str:
    """Give the place of NAT's configuration in the package."""
    return f"src/{package_name(plan)}/configs/config.yml"


def assemble_agent(
    plan: Plan,
    tools: Mapping[str, Path],
    servers: Sequence[PlannedServer],
    registry: NatRegistry,
    lock: str,
    agent_model: str,
) -> dict[str, bytes]:
    """Give all files of the package by relative path.

    `tools` maps each custom tool of the plan to the workspace that the gate accepted, `lock` is the requirements
    lock of the environment in which it was accepted.
    """
    package = package_name(plan)
    source = f"src/{package}"
    scaffold = registry.scaffolds[plan.scaffold.type]
    config = nat_config(plan, scaffold, servers, agent_model)
    key_names = _KEYS.get(agent_model.partition("/")[0], [])
    values = {
        "plan": plan,
        "package": package,
        "distribution": package.replace("_", "-"),
        "config": config_path(plan),
        "servers": servers,
        "nat_version": registry.version,
        "agent_model": agent_model,
        "key_names": key_names,
        "secrets": key_names + [each.name for server in servers for each in server.entry.variables if each.secret],
        "question": plan.test_cases[0].query,
        "chat": json.dumps({"messages": [{"role": "user", "content": plan.test_cases[0].query}]}),
    }
    texts = {
        **{path: _render(f"{template}.j2", values) for path, template in _RENDERED.items()},
        **{f"{source}/{each}": _render(f"{each}.j2", values) for each in ("evaluator.py", "register.py")},
        f"{source}/__init__.py": _render("init.py.j2", values),
        f"{source}/tools/__init__.py": "",
        "requirements.lock": lock,
        config_path(plan): as_yaml(config),
        **evaluation(plan, package, config_path(plan)),
    }
    if servers:
        texts["setup_mcp.sh"] = _render("setup_mcp.sh.j2", values)
        texts |= {f"mcp/{server.entry.id}.lock": server.lock for server in servers}
        texts |= {f"mcp/{server.entry.id}.package-lock.json": server.npm_lock for server in servers if server.npm_lock}
    for name, workspace in tools.items():
        texts[f"{source}/tools/{name}.py"] = (workspace / tool_path(name)).read_text(encoding="utf-8")
        tests = (workspace / tests_path(name)).read_text(encoding="utf-8")
        texts[f"tests/test_{name}.py"] = re.sub(r"\bnat_tools\b", f"{package}.tools", tests)
    files = {path: text.encode() for path, text in texts.items()}
    files["build.json"] = origin(plan, servers, registry.version, agent_model, files)
    return dict(sorted(files.items()))


def write_package(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the package's files below `folder`; scripts become executable."""
    for relative, content in files.items():
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(_mode(relative))


def pack(files: Mapping[str, bytes], top: str) -> bytes:
    """Give a .tar.gz of the files below the folder `top`; no dates, no owners, sorted."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for relative, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{top}/{relative}")
            entry.size = len(content)
            entry.mode = _mode(relative)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), compresslevel=6, mtime=0)


def _mode(relative: str) -> int:
    return 0o755 if relative.endswith(".sh") else 0o644


@cache
def _environment() -> Environment:
    environment = Environment(  # the results are code and Markdown, not HTML
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {
        "md": _one_line,
        "cell": lambda text: _one_line(text).replace("|", r"\|"),
        "sh": shlex.quote,
        "code": lambda text: f"`{text}`",
    }
    return environment


def _render(name: str, values: Mapping[str, object]) -> str:
    return _environment().get_template(name).render(**values)


def _one_line(text: str) -> str:
    """Make a model's sentence harmless in Markdown: one line, no HTML."""
    return " ".join(text.split()).replace("<", "&lt;")
