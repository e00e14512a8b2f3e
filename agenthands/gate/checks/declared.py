"""Part of the check `hygiene`: a tool uses no package and no network that its specification does not name."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import DistributionFinder, MetadataPathFinder
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from agenthands.gate.origins import Origins, imported_modules

_GIVEN = {"nat", "pydantic", "pydantic_core", "annotated_types", "typing_extensions", "__future__"}
_NETWORK = {"socket", "socketserver", "ssl", "ftplib", "smtplib", "poplib", "imaplib", "telnetlib", "xmlrpc", "urllib3",
            "requests", "httpx", "aiohttp", "websockets", "websocket", "grpc", "paramiko", "asyncssh", "pycurl",
            "boto3", "botocore", "aiobotocore", "nntplib", "http.client", "http.server", "urllib.request",
            "urllib.robotparser", "webbrowser", "wsgiref", "multiprocessing.connection"}  # fmt: skip
# What these modules know without the network: constants, errors, and texts taken apart.
_WITHOUT_NETWORK = {
    "socket": {"inet_aton", "inet_ntoa", "inet_pton", "inet_ntop", "htons", "htonl", "ntohs", "ntohl", "error",
               "timeout", "gaierror", "herror", "AddressFamily", "SocketKind"},
    "ssl": {"PEM_cert_to_DER_cert", "DER_cert_to_PEM_cert", "cert_time_to_seconds", "SSLError", "TLSVersion"},
    "urllib.request": {"quote", "unquote", "pathname2url", "url2pathname", "parse_http_list", "parse_keqv_list"},
    "http.client": {"responses", "parse_headers", "HTTPException", "HTTPMessage"},
    "xmlrpc": {f"client.{name}" for name in ("dumps", "loads", "DateTime", "Binary", "Fault", "Error")},
    "httpx": {"URL", "QueryParams", "Headers", "codes"},
}  # fmt: skip
_NETWORK_CALLS = {"asyncio.open_connection", "asyncio.start_server", "asyncio.open_unix_connection",
                  "asyncio.start_unix_server", "logging.handlers.SocketHandler", "logging.handlers.DatagramHandler",
                  "logging.handlers.HTTPHandler", "logging.handlers.SMTPHandler"}  # fmt: skip
_NETWORK_METHODS = {"create_datagram_endpoint", "sock_connect"}


def imported(tree: ast.Module) -> list[tuple[int, str]]:
    """Return line and full name of every absolute import, wherever it stands."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(node.lineno, node.module), *((node.lineno, f"{node.module}.{each.name}") for each in node.names)]
    return found


def undeclared(tree: ast.Module, dependencies: Iterable[str], site: Path, more: Iterable[str] = ()) -> list[str]:
    """Return which imports neither Python, NAT nor the declared dependencies bring.

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
            complaints[top] = (
                f"Line {line}: {top} is not among the specification's dependencies; do without it, or name its package "
                "in `dependencies` where the specification is yours."
            )
    return list(complaints.values())


def network_use(tree: ast.Module) -> list[str]:
    """Say where a module reaches for the network. Constants and errors of such modules do not count."""
    origins = Origins(tree)
    imports = [(node.lineno, f"{module}.{name}" if name else module) for node, module, name in imported_modules(tree)]
    found = [(line, name) for line, name in imports if _is_network(name, origins)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if origins.of(node.func) in _NETWORK_CALLS or method in _NETWORK_METHODS:
                found.append((node.lineno, ast.unparse(node.func)))
    return list(
        dict.fromkeys(
            f"Line {line}: {name} is for the network, which the specification does not ask for; compute without it, or "
            'set `"network": true` where the specification is yours.'
            for line, name in found
        )
    )


def _is_network(name: str, origins: Origins) -> bool:
    """Return whether an import brings the network: by a module whose every use does without it, it does not."""
    for module in _parents(name):
        if module in _NETWORK:
            taken = {name.removeprefix(f"{module}.")} if name != module else origins.uses(module) or {""}
            if name != module and f"{module}.{next(iter(taken))}" in _NETWORK:
                return True
            return not all(_does_without(module, each, origins) for each in taken)
    return False


def _does_without(module: str, name: str, origins: Origins) -> bool:
    if module == "xmlrpc" and name == "client":  # the module is imported, and what is taken from it says more
        return bool(taken := origins.uses("xmlrpc.client")) and all(
            _does_without(module, f"client.{each}", origins) for each in taken
        )
    known = _WITHOUT_NETWORK.get(module, set())
    first = name.partition(".")[0]
    return name in known or first in known or (module in ("socket", "ssl") and first.isupper() and bool(first))


def _parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _modules_of(dependencies: Iterable[str], site: Path) -> set[str]:
    """Return the top-level modules that the declared dependencies install."""
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
