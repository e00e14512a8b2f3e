"""The check `hygiene`: nothing dangerous, undeclared or secret is in the code, and its lines run in the tests."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

from agenthands.gate.checks.base import Finding, GateCheck
from agenthands.gate.checks.declared import network_use, undeclared
from agenthands.gate.checks.files import tests_path, tool_path
from agenthands.gate.checks.leaks import secrets
from agenthands.gate.checks.lint import Remark, lint
from agenthands.gate.harness_jobs import TESTS, Job
from agenthands.schemas import Check, ToolSpec

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence, Judged

MIN_COVERAGE = 0.9
NETWORK, PACKAGE = "undeclared_network", "undeclared_package"
"""Reason codes of a tool that uses what its specification does not allow."""
_CLIENTS = ("httpx", "requests", "aiohttp")


class Hygiene(GateCheck):
    """What makes code unsafe or unable to work; judged whatever the other checks say. Style is for `remarks`."""

    name = "hygiene"
    order = 110
    headline = True
    summary = (
        "no undefined names, no dangerous calls, no undeclared imports, no secrets, no network unless declared; the "
        "tests run 90 % of its lines"
    )
    fix = (
        'Declare what you import in `dependencies`, set `"network": true` where it is meant, test or delete the lines '
        "named. Where a finding of ruff is wrong, say why on the line: `# noqa: S301 - ...`."
    )
    remedy = "The finding says what to change. A tool that needs the network, or a package, must say so in the plan."
    version = 4

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


def remarks(tool: ToolSpec, texts: Mapping[str, str]) -> list[Remark]:
    """Return what ruff and the search for secrets see in a tool and its tests, required or not."""
    code, tests = tool_path(tool.name), tests_path(tool.name)
    found = [*lint(texts[code], code, is_tests=False), *lint(texts[tests], tests, is_tests=True)]
    return [
        *found,
        *secrets(texts[code], code, is_tests=False),
        *secrets(texts[tests], tests, is_tests=True),
    ]


def static_findings(tool: ToolSpec, texts: Mapping[str, str], site: Path) -> list[str]:
    """Return the reasons to reject a tool that can be seen without running anything.

    `site` is the environment's site-packages folder.
    """
    code, tests = tool_path(tool.name), tests_path(tool.name)
    found = [each.text for each in remarks(tool, texts) if each.required]
    given = _given(tool)
    found += [f"{code}: {each}" for each in undeclared(ast.parse(texts[code]), tool.dependencies, site, given)]
    given = ("pytest", "nat_tools", "unittest", *given)
    found += [f"{tests}: {each}" for each in undeclared(ast.parse(texts[tests]), tool.dependencies, site, given)]
    if not tool.reaches_network:
        found += [f"{code}: {each}" for each in network_use(ast.parse(texts[code]))]
    return found


def undeclared_use(tool: ToolSpec, texts: Mapping[str, str], site: Path) -> str:
    """Return the reason code of what a tool uses without having declared it; empty where there is nothing."""
    tree = ast.parse(texts[tool_path(tool.name)])
    if not tool.reaches_network and network_use(tree):
        return NETWORK
    return PACKAGE if undeclared(tree, tool.dependencies, site, _given(tool)) else ""


def _given(tool: ToolSpec) -> Sequence[str]:
    """Return the clients for HTTP that NAT's environment has, where the tool may ask anybody."""
    return _CLIENTS if tool.effects.http else ()


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
