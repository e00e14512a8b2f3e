"""The check `hygiene`: no linter complains, nothing undeclared is imported, no secret is there, and all lines run."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import DistributionFinder, MetadataPathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

from packaging.requirements import InvalidRequirement, Requirement
from ruff import find_ruff_bin  # type: ignore[import-untyped]

from agenthands.gate.checks.base import Finding, GateCheck
from agenthands.gate.checks.files import tests_path, tool_path
from agenthands.gate.harness_jobs import TESTS, Job
from agenthands.schemas import Check, ToolSpec

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged

_GIVEN = {"nat", "pydantic", "typing_extensions", "__future__"}
_NETWORK = {"socket", "socketserver", "ssl", "ftplib", "smtplib", "poplib", "imaplib", "telnetlib", "xmlrpc", "urllib3",
            "requests", "httpx", "aiohttp", "websockets", "websocket", "grpc", "paramiko", "asyncssh", "pycurl",
            "boto3", "botocore", "aiobotocore", "nntplib", "http.client", "http.server", "urllib.request"}  # fmt: skip
_NETWORK_CALLS = ("asyncio.open_connection", "asyncio.start_server", "asyncio.open_unix_connection")

MIN_COVERAGE = 0.9
NETWORK, PACKAGE = "undeclared_network", "undeclared_package"
"""Reason codes of a tool that uses what its specification does not allow."""


class Hygiene(GateCheck):
    """What a careful reader would object to; judged whatever the other checks say."""

    name = "hygiene"
    order = 110
    headline = True
    summary = (
        "no findings of ruff with bandit's rules, no undeclared imports, no secrets, no network unless declared; the "
        "tests run 90 % of its lines"
    )
    fix = (
        'Declare what you import in `dependencies`, set `"network": true` where it is meant, test or delete the lines '
        "named."
    )
    remedy = "The finding says what to change. A tool that needs the network, or a package, must say so in the plan."

    @override
    def jobs(self, judged: Judged) -> Sequence[Job]:
        """Measure which lines the tests run."""
        return [TESTS]

    def run(self, evidence: Evidence) -> Finding:
        """Judge the code as it stands, and its coverage where the tests have run."""
        site = evidence.environment.site
        findings = static_findings(evidence.tool, evidence.texts, site)
        code = undeclared_use(evidence.tool, evidence.texts, site) if findings else ""
        return hygiene_finding(findings, evidence.answered.get(TESTS.id, {}), code)

    @override
    def advice(self, found: Check, planned: ToolSpec | None) -> str:
        """Say what the request may have to allow."""
        if found.reason_code == NETWORK:
            return "it wants the network, so say in the request that this tool may use it, or that it must do without"
        if found.reason_code == PACKAGE:
            return "it wants a package, so name in the request the packages that it may use"
        return ""


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


# pyflakes, bugbear, bandit, blocking calls in async code, pylint's errors, bare except
_RULES = "E9,F,B,S,ASYNC,PLE,E722"
# What no tool is worse for: unused names, `raise ... from`, zip without strict, calls in defaults, random numbers that
# guard nothing, asserts.
_LIGHT = "F401,F841,B904,B905,B008,B007,B010,B009,S311,S101"
_IN_TESTS = "S105,S106,S108,B011,B015,B017,B018,PLE"
_KEYS = re.compile(
    r"AIza[0-9A-Za-z_-]{35}|sk-[A-Za-z0-9_-]{20,}|nvapi-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,}|xai-[A-Za-z0-9]{20,}"
)


def lint(source: str, path: str, *, is_tests: bool) -> list[str]:
    """Return ruff's findings as `path:line: code message`; `path` is a name only, nothing is read or written there."""
    ignored = f"{_LIGHT},{_IN_TESTS}" if is_tests else _LIGHT
    argv = [find_ruff_bin(), "check", "--isolated", "--no-cache", "--ignore-noqa", "--target-version", "py312"]
    argv += [
        "--output-format",
        "json",
        "--exit-zero",
        "--select",
        _RULES,
        "--ignore",
        ignored,
        "--stdin-filename",
        path,
    ]
    ran = subprocess.run([*argv, "-"], input=source.encode(), capture_output=True, timeout=60, check=True)
    found = json.loads(ran.stdout)
    return [f"{path}:{each['location']['row']}: {each['code']} {each['message']}" for each in found]


def secrets(source: str, path: str) -> Iterator[str]:
    """Say in which lines something looks like a key; the key itself is not repeated."""
    detectors = _detectors()
    for number, line in enumerate(source.splitlines(), 1):
        kinds = {found.type for each in detectors for found in each.analyze_line(path, line, number)}
        kinds |= {"API key"} if _KEYS.search(line) else set()
        if kinds:
            yield f"{path}:{number}: this looks like a secret ({', '.join(sorted(kinds))}); take it out."


@cache
def _detectors() -> list[Any]:
    """Return the detectors that know the shape of a key; those that guess from entropy or names are too often wrong."""
    from detect_secrets.plugins import (
        aws,
        azure_storage_key,
        basic_auth,
        github_token,
        gitlab_token,
        jwt,
        openai,
        private_key,
        pypi_token,
        sendgrid,
        slack,
        stripe,
        twilio,
    )

    return [
        aws.AWSKeyDetector(), azure_storage_key.AzureStorageKeyDetector(), basic_auth.BasicAuthDetector(),
        github_token.GitHubTokenDetector(), gitlab_token.GitLabTokenDetector(), jwt.JwtTokenDetector(),
        openai.OpenAIDetector(), private_key.PrivateKeyDetector(), pypi_token.PypiTokenDetector(),
        sendgrid.SendGridDetector(), slack.SlackDetector(), stripe.StripeDetector(), twilio.TwilioKeyDetector(),
    ]  # fmt: skip


def static_findings(tool: ToolSpec, texts: Mapping[str, str], site: Path) -> list[str]:
    """Return what can be seen without running anything; `site` is the environment's site-packages folder."""
    code, tests = tool_path(tool.name), tests_path(tool.name)
    found = [*lint(texts[code], code, is_tests=False), *lint(texts[tests], tests, is_tests=True)]
    found += [*secrets(texts[code], code), *secrets(texts[tests], tests)]
    found += [f"{code}: {each}" for each in undeclared(ast.parse(texts[code]), tool.dependencies, site)]
    given = ("pytest", "nat_tools", "unittest")
    found += [f"{tests}: {each}" for each in undeclared(ast.parse(texts[tests]), tool.dependencies, site, given)]
    if not tool.network:
        found += [f"{code}: {each}" for each in network_use(ast.parse(texts[code]))]
    return found


def undeclared_use(tool: ToolSpec, texts: Mapping[str, str], site: Path) -> str:
    """Return the reason code of what a tool uses without having declared it; empty where there is nothing."""
    tree = ast.parse(texts[tool_path(tool.name)])
    if not tool.network and network_use(tree):
        return NETWORK
    return PACKAGE if undeclared(tree, tool.dependencies, site) else ""


def hygiene_finding(findings: Iterable[str], tests: Mapping[str, Any], code: str = "") -> Finding:
    """Judge the findings and the share of the tool's lines that the tests ran, which goes into the report.

    `code` says what kind of findings they are.
    """
    wrong = list(findings)
    lines, missing = tests.get("lines"), tests.get("missing", [])
    covered = None
    if lines:
        covered = round(1 - len(missing) / lines, 4)
        if covered < MIN_COVERAGE:
            numbers = ", ".join(map(str, missing[:40]))
            wrong.append(
                f"The tests run {covered:.0%} of the tool's lines; {MIN_COVERAGE:.0%} must be. Missing: {numbers}."
            )
    elif tests.get("ok"):
        covered = 0.0
        wrong.append("The tests run no line of the tool.")
    if wrong:
        more = {"reason_code": code}
        return Finding(False, "\n".join(wrong[:30]), more=more, report={"coverage": covered})
    said = "" if covered is None else f" The tests run {covered:.0%} of its lines."
    return Finding(True, f"No findings.{said}", report={"coverage": covered})
