"""Packs, unpacks and installs the bundle: an agent's package as one .tar.gz. The same files make the same bytes."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from agenthands.environments.base import Environment, EnvironmentInstaller
from agenthands.evaluation.case_verdict import AgentParts
from agenthands.evaluation.installed_agent import InstalledAgent
from agenthands.mcp.catalogue_server import CatalogueServer
from agenthands.packaging.agent_config import models_of
from agenthands.packaging.archive import files_of
from agenthands.packaging.package import config_path
from agenthands.schemas import Plan


def pack(files: Mapping[str, bytes], top: str) -> bytes:
    """Return a .tar.gz of `files` below the folder `top`, sorted, without dates or owners; *.sh is executable."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for relative, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{top}/{relative}")
            entry.size = len(content)
            entry.mode = 0o755 if relative.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), compresslevel=6, mtime=0)


def unpack(bundle: bytes, folder: Path) -> None:
    """Unpack a bundle's files into `folder`, which must be new or empty, completely or not at all.

    Raises OSError if the folder cannot be written, ValueError if the content is not a bundle.
    """
    files = files_of(bundle)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-"[:200], dir=folder.parent) as scratch:
        top = Path(scratch) / "top"
        top.mkdir()
        for name, file in files.items():
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
            path.chmod(0o755 if file.executable else 0o644)
        top.replace(folder)


def install_bundle(
    bundle: bytes, plan: Plan, servers: Sequence[CatalogueServer], environments: EnvironmentInstaller, workspace: Path
) -> InstalledAgent:
    """Unpack the bundle into `workspace` and install its package and the environments of its locks.

    The remains of an earlier try are removed. An environment is installed once, by the hash of its lock. Raises
    DependencyRefused or RegistryUnavailable.
    """
    package, site = workspace / "package", workspace / "site"
    settings = {server.id: server.settings for server in plan.mcp_servers}
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
        variables={
            key: value for entry in servers for key, value in entry.stand_ins(settings.get(entry.id, {})).items()
        },
        parts=AgentParts.of(plan, servers),
        tools=plan.custom_tools,
        roles=[role for role in models_of(plan.agents) if role],
    )


def _server(package: Path, entry: CatalogueServer, environments: EnvironmentInstaller) -> Environment:
    npm_lock = package / "mcp" / f"{entry.id}.package-lock.json"
    return environments.install(
        _text(package / "mcp" / f"{entry.id}.lock"), _text(npm_lock) if npm_lock.is_file() else ""
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
