"""Assembles the files of an agent's package. The same plan and tools make the same package."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agenthands._version import __version__
from agenthands.environments.nat_registry import NatRegistry
from agenthands.evaluation import case_checks, nat_steps
from agenthands.gate.checks.files import tests_path, tool_path
from agenthands.llm import call_options
from agenthands.llm.settings import KEYS, ModelSettings, key_names
from agenthands.mcp.setup import PlannedServer
from agenthands.packaging.agent_config import plain
from agenthands.packaging.nat_config import as_yaml, evaluation, nat_config, own_modules, package_name
from agenthands.packaging.readme_values import env_models, models_used, readme_values
from agenthands.packaging.server_paths import kept_files, mounts
from agenthands.packaging.tool_variables import place_variables, secret_variables
from agenthands.schemas import Acceptance, Plan

BUNDLE_FORMAT = "agenthands-bundle-1"


def origin(
    plan: Plan, servers: Sequence[PlannedServer], nat_version: str, model: ModelSettings, files: Mapping[str, bytes]
) -> bytes:
    """Return the content of `build.json`, which says what the package was made from, with the hashes of `files`.

    The prompts, models, costs and dates of the build are in the store's record instead, so that the same plan and tools
    make the same package.
    """
    by_role = {role: each.model for role, each in models_used(plan, model).items() if role}
    content = {
        "format": BUNDLE_FORMAT,
        "plan": plan.model_dump(mode="json"),
        "agent_model": model.model,
        **({"agent_models": by_role} if by_role else {}),
        "versions": {"agenthands": __version__, "nvidia-nat": nat_version},
        "environment_lock_sha256": hashlib.sha256(files["requirements.lock"]).hexdigest(),
        "mcp_servers": [
            {"id": each.entry.id, "version": each.entry.version, "package": each.entry.package} for each in servers
        ],
        "files": {path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())},
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


_RENDERED = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "Dockerfile": "Dockerfile",
    "compose.yaml": "compose.yaml",
    ".dockerignore": "dockerignore",
    ".env.example": "env.example",
    "install.sh": "install.sh",
}
_MODULES = ("ask.py", "described.py", "evaluator.py", "model.py", "register.py")
_TEMPLATES = Path(__file__).parent / "templates"
# What decides alike here and in the package is the same file.
_COPIED = [Path(str(module.__file__)) for module in (call_options, case_checks, nat_steps)]
_INSTALLER = Path(__file__).parents[1] / "environments" / "locks" / "installer.lock"


def config_path(plan: Plan) -> str:
    """Return the path of NAT's configuration in the package."""
    return f"src/{package_name(plan)}/configs/config.yml"


def assemble_agent(
    plan: Plan,
    tools: Mapping[str, Path],
    servers: Sequence[PlannedServer],
    registry: NatRegistry,
    lock: str,
    model: ModelSettings,
) -> dict[str, bytes]:
    """Return all files of the package by relative path.

    `tools` maps each custom tool of the plan to the workspace that the gate accepted; `lock` is the requirements
    lock of the environment in which that was. `model` is the agent's, and is called by the package as in acceptance.
    """
    package = package_name(plan)
    source = f"src/{package}"
    config = nat_config(plan, registry, servers, model)
    modules = own_modules(plan, registry)
    values = {
        **_values(plan, servers, registry.version, model),
        **readme_values(plan, servers, model, remembers="memory" in modules),
        "own_modules": modules,
    }
    texts = {
        **{path: render(f"{template}.j2", values) for path, template in _RENDERED.items()},
        **{f"{source}/{each}": render(f"{each}.j2", values) for each in _MODULES},
        f"{source}/__init__.py": render("init.py.j2", values),
        **{f"{source}/{path.name}": path.read_text(encoding="utf-8") for path in _COPIED},
        f"{source}/tools/__init__.py": "",
        "requirements.lock": lock,
        "installer.lock": _INSTALLER.read_text(encoding="utf-8"),
        config_path(plan): as_yaml(config),
        **evaluation(plan, package, config_path(plan)),
    }
    texts |= {f"{source}/{module}.py": render(f"{module}.py.j2", values) for module in modules}
    if servers:
        texts["setup_mcp.sh"] = render("setup_mcp.sh.j2", values)
        texts |= {f"mcp/{server.entry.id}.lock": server.lock for server in servers}
        texts |= {f"mcp/{server.entry.id}.package-lock.json": server.npm_lock for server in servers if server.npm_lock}
    for name, workspace in tools.items():
        texts[f"{source}/tools/{name}.py"] = (workspace / tool_path(name)).read_text(encoding="utf-8")
        tests = (workspace / tests_path(name)).read_text(encoding="utf-8")
        texts[f"tests/test_{name}.py"] = re.sub(r"\bnat_tools\b", f"{package}.tools", tests)
    files = {path: text.encode() for path, text in texts.items()}
    files["build.json"] = origin(plan, servers, registry.version, model, files)
    return dict(sorted(files.items()))


def with_outcome(
    files: Mapping[str, bytes], plan: Plan, servers: Sequence[PlannedServer], model: ModelSettings, tried: Acceptance
) -> dict[str, bytes]:
    """Return the files of a package whose README tells how it did in acceptance.

    The configuration of a rejected agent says so, too; nothing that runs is different.
    """
    made_from = json.loads(files["build.json"])
    version = made_from["versions"]["nvidia-nat"]
    remembers = f"src/{package_name(plan)}/memory.py" in files
    said = readme_values(plan, servers, model, remembers, tried)
    values = {**_values(plan, servers, version, model), **said}
    config = config_path(plan)
    rest = {path: content for path, content in files.items() if path != "build.json"}
    told = {**rest, "README.md": render("README.md.j2", values).encode()}
    if reason := said["refused"]:
        warning = f"# REJECTED: {plain(str(reason))}. README.md says more.\n"
        told[config] = warning.encode() + files[config]
    told["build.json"] = origin(plan, servers, version, model, told)
    return dict(sorted(told.items()))


def _values(plan: Plan, servers: Sequence[PlannedServer], version: str, model: ModelSettings) -> dict[str, object]:
    """Return what the templates need to know of an agent."""
    package = package_name(plan)
    return {
        "plan": plan,
        "package": package,
        "distribution": package.replace("_", "-"),
        "config": config_path(plan),
        "servers": servers,
        "mounts": mounts(plan, servers),
        "kept_files": kept_files(servers),
        "nat_version": version,
        "agent_model": model.model,
        "models": env_models(plan, model),
        "keys": KEYS,
        "key_names": list(dict.fromkeys(key_names(each.model)[:1] for each in models_used(plan, model).values())),
        "tool_variables": place_variables(plan) | secret_variables(plan),
    }


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
        "line": _one_line,
        "md": _markdown,
        "sh": shlex.quote,
        "code": lambda text: f"`{text}`",
    }
    return environment


def render(name: str, values: Mapping[str, object]) -> str:
    """Return a template of the package, filled in."""
    return _environment().get_template(name).render(**values)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _markdown(text: str) -> str:
    """Return a model's sentence, escaped for Markdown: one line, no HTML, link, image, code, or end of a cell."""
    return re.sub(r"([\\`\[\]~|])", r"\\\1", _one_line(text)).replace("<", "&lt;")
