"""Installs a bundle as its user does: from its own bytes and locks, with nothing from the build."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from agenthands.acceptance import InstalledAgent
from agenthands.assembly import config_path
from agenthands.bundling import unpack
from agenthands.models import Plan
from agenthands.ports import Environment, Environments
from agenthands.server_catalogue import CatalogueServer


def install_bundle(
    bundle: bytes, plan: Plan, servers: Sequence[CatalogueServer], environments: Environments, workspace: Path
) -> InstalledAgent:
    """Unpack the bundle in a fresh folder of `workspace` and install the package anew.

    It stands beside the environments of the locks in it; each of them is installed once, by its hash. What an earlier
    try left there is removed. Raises DependencyRefused or RegistryUnavailable.
    """
    package, site = workspace / "package", workspace / "site"
    for folder in (package, site):
        shutil.rmtree(folder, ignore_errors=True)
    unpack(bundle, package)
    environments.install_project(package, site)
    return InstalledAgent(
        workspace=workspace,
        site=site,
        config=package / config_path(plan),
        environment=environments.install(_text(package / "requirements.lock")),
        servers={entry.id: _server(package, entry, environments) for entry in servers},
        variables={key: value for entry in servers for key, value in entry.placeholders().items()},
    )


def _server(package: Path, entry: CatalogueServer, environments: Environments) -> Environment:
    npm_lock = package / "mcp" / f"{entry.id}.package-lock.json"
    return environments.install(
        _text(package / "mcp" / f"{entry.id}.lock"), _text(npm_lock) if npm_lock.is_file() else ""
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
