"""The check `hygiene`: findings of weight, imports, secrets, network, and lines that no test runs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from agenthands.gate.imports import network_use, undeclared
from agenthands.gate.lint import lint, secrets
from agenthands.gate.workspace import tests_path, tool_path
from agenthands.models import Check, CustomTool

MIN_COVERAGE = 0.9


def static_findings(tool: CustomTool, texts: Mapping[str, str], site: Path) -> list[str]:
    """Say what can be seen without running anything; `site` is the environment's site-packages folder."""
    code, tests = tool_path(tool.name), tests_path(tool.name)
    found = [*lint(texts[code], code, is_tests=False), *lint(texts[tests], tests, is_tests=True)]
    found += [*secrets(texts[code], code), *secrets(texts[tests], tests)]
    found += [f"{code}: {each}" for each in undeclared(ast.parse(texts[code]), tool.dependencies, site)]
    given = ("pytest", "nat_tools", "unittest")
    found += [f"{tests}: {each}" for each in undeclared(ast.parse(texts[tests]), tool.dependencies, site, given)]
    if not tool.network:
        found += [f"{code}: {each}" for each in network_use(ast.parse(texts[code]))]
    return found


def hygiene_check(findings: Iterable[str], tests: Mapping[str, Any]) -> tuple[Check, float | None]:
    """Judge the findings and the share of the tool's lines that the tests ran; gives that share as well."""
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
        return Check(name="hygiene", passed=False, detail="\n".join(wrong[:30])), covered
    said = "" if covered is None else f" The tests run {covered:.0%} of its lines."
    return Check(name="hygiene", passed=True, detail=f"No findings.{said}"), covered
