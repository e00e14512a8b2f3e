"""Which modules a tool imports, and whether its specification provides for them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from importlib.metadata import DistributionFinder, MetadataPathFinder
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

_GIVEN = {"nat", "pydantic", "typing_extensions", "__future__"}
_NETWORK = {"socket", "socketserver", "ssl", "ftplib", "smtplib", "poplib", "imaplib", "telnetlib", "xmlrpc", "urllib3",
            "requests", "httpx", "aiohttp", "websockets", "websocket", "grpc", "paramiko", "asyncssh", "pycurl",
            "boto3", "botocore", "aiobotocore", "nntplib", "http.client", "http.server", "urllib.request"}  # fmt: skip
_NETWORK_CALLS = ("asyncio.open_connection", "asyncio.start_server", "asyncio.open_unix_connection")


def imported(tree: ast.Module) -> list[tuple[int, str]]:
    """Give line and full name of every absolute import, wherever it stands."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(node.lineno, node.module), *((node.lineno, f"{node.module}.{each.name}") for each in node.names)]
    return found


def undeclared(tree: ast.Module, dependencies: Iterable[str], site: Path, more: Iterable[str] = ()) -> list[str]:
    """Say which imports neither Python, NAT nor the declared dependencies bring.

    `site` is the site-packages folder in which the dependencies are installed; `more` names modules that are given.
    """
    allowed = _GIVEN | set(more) | sys.stdlib_module_names
    complaints: dict[str, str] = {}
    provided: set[str] | None = None
    for line, name in imported(tree):
        top = name.partition(".")[0]
        if top in allowed or top in complaints:
            continue
        provided = _modules_of(dependencies, site) if provided is None else provided
        if top not in provided:
            complaints[top] = f"Line {line}: {top} is not among the specification's dependencies; do without it."
    return list(complaints.values())


def network_use(tree: ast.Module) -> list[str]:
    """Say where a module reaches for the network."""
    complaints = [
        f"Line {line}: {name} is for the network, which the specification does not ask for."
        for line, name in imported(tree)
        if name in _NETWORK or name.partition(".")[0] in _NETWORK
    ]
    complaints += [
        f"Line {node.lineno}: {ast.unparse(node.func)} is for the network, which the specification does not ask for."
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in _NETWORK_CALLS
    ]
    return list(dict.fromkeys(complaints))


def _modules_of(dependencies: Iterable[str], site: Path) -> set[str]:
    """Give the top-level modules that the declared dependencies install."""
    modules: set[str] = set()
    for dependency in dependencies:
        try:
            name = Requirement(dependency).name
        except InvalidRequirement:
            continue
        context = DistributionFinder.Context(name=name, path=[str(site)])
        for distribution in MetadataPathFinder.find_distributions(context):
            for file in distribution.files or []:
                top = file.parts[0]
                if not top.endswith((".dist-info", ".data")) and top not in ("..", "__pycache__"):
                    modules.add(top.partition(".")[0])
    return modules
