"""One verdict on one tool, from all checks."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agenthands._util.untrusted_json import schema_fault
from agenthands.environments.base import Environment, EnvironmentInstaller
from agenthands.errors import RequestInvalid
from agenthands.gate.checks.conformance import static_complaints
from agenthands.gate.checks.examples import Example, conformance_check, examples_check, schema_check
from agenthands.gate.checks.files import check_files, tool_path
from agenthands.gate.checks.hygiene import hygiene_check, static_findings
from agenthands.gate.checks.test_suite import (
    isolation_check,
    mutation_check,
    repeatable_check,
    stub_check,
    suite_check,
)
from agenthands.gate.harness_client import Answers, Judged, run_harness
from agenthands.gate.mutation.mutants import mutants
from agenthands.gate.mutation.stubs import hollow, stubs
from agenthands.sandbox.base import Sandbox
from agenthands.schemas import Check, GateReport, ToolSpec, hidden_example_indices

GATE_VERSION = "3"
MAX_MUTANTS = 40
_at_once = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))  # one keeps two cores busy; more only take memory


def judge(
    tool: ToolSpec,
    workspace: Path,
    environment: Environment,
    sandbox: Sandbox,
    seconds: float,
    corrections: Mapping[int, Example] | None = None,
) -> GateReport:
    """Judge the tool that `workspace` holds against its whole specification.

    `seconds` bounds the whole, a thirtieth of it each run of the tests. `corrections` are examples that a ruling has
    put in the place of those with the same index. A tool that hangs or crashes is rejected. Checks that depend on one
    that failed are left out. Some tools are judged at once, as many as the machine has cores; the others wait.
    Raises SandboxLost.
    """
    with _at_once:
        return _judge(tool, workspace, environment, sandbox, seconds, corrections or {})


def _judge(
    tool: ToolSpec,
    workspace: Path,
    environment: Environment,
    sandbox: Sandbox,
    seconds: float,
    corrections: Mapping[int, Example],
) -> GateReport:
    started = time.monotonic()
    checks, found = _static_checks(tool, workspace)
    if not found.texts:
        return _report(tool, started, checks, found)
    findings = static_findings(tool, found.texts, environment.site)
    if checks[-1].passed:
        judged = prepared(tool, found.texts)
        answers = run_harness(judged, environment, sandbox, seconds)
        checks[-1:] = _run_checks(judged, answers, corrections, found)
        hygiene, found.coverage = hygiene_check(findings, answers.first.get("tests", {}))
    else:
        hygiene, _ = hygiene_check(findings, {})
    return _report(tool, started, [*checks, hygiene], found)


class _Found:
    """What the checks leave behind for the report."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.survivors: list[dict[str, Any]] = []
        self.coverage: float | None = None


def _static_checks(tool: ToolSpec, workspace: Path) -> tuple[list[Check], _Found]:
    """Do what needs nothing to run: `files`, and where that passed the static half of `conformance`."""
    found = _Found()
    texts, complaints = check_files(workspace, tool.name)
    if complaints:
        return [Check(name="files", passed=False, detail="\n".join(complaints))], found
    found.texts = texts
    files = Check(name="files", passed=True, detail="Tool and tests are there, and nothing else.")
    complaints = static_complaints(texts[tool_path(tool.name)], tool.name)
    return [files, Check(name="conformance", passed=not complaints, detail="\n".join(complaints))], found


def prepared(tool: ToolSpec, texts: Mapping[str, str]) -> Judged:
    """Return a tool's files with everything that is made from them: stubs and mutants."""
    source = texts[tool_path(tool.name)]
    return Judged(tool, texts, stubs(source), hollow(source), mutants(source, MAX_MUTANTS))


def _run_checks(judged: Judged, answers: Answers, corrections: Mapping[int, Example], found: _Found) -> Sequence[Check]:
    first, tool = answers.first, judged.tool
    conformance = conformance_check(first["conformance"])
    if not conformance.passed or "tests" not in first:
        return [conformance]
    tests = suite_check(first["tests"], first.get("hollow"))
    checks = [conformance, schema_check(tool, first["conformance"]["input_schema"], first["calls"]), tests]
    if "again" in first:
        mutation, found.survivors = mutation_check(judged.mutants, first)
        robust = [
            isolation_check(first["alone"], first["reverse"]),
            repeatable_check(answers, [example.arguments for example in tool.examples]),
        ]
        strong = [stub_check(judged.stubs, first), mutation]
    else:
        robust, strong = [], []
    return [*checks, *robust, *_example_checks(tool, corrections, first["calls"]), *strong]


def _example_checks(tool: ToolSpec, corrections: Mapping[int, Example], calls: Mapping[str, Any]) -> list[Check]:
    hidden = hidden_example_indices(tool)
    visible = [index for index in range(len(tool.examples)) if index not in hidden]
    checks = [examples_check("examples", tool, visible, corrections, calls)]
    return [*checks, examples_check("held_out", tool, hidden, corrections, calls)] if hidden else checks


def _report(tool: ToolSpec, started: float, checks: Sequence[Check], found: _Found) -> GateReport:
    return GateReport(
        tool=tool.name,
        accepted=all(check.passed for check in checks if check.required),
        seconds=round(time.monotonic() - started, 3),
        checks=list(checks),
        survivors=found.survivors,
        coverage=found.coverage,
    )


_MAX_SPEC_BYTES = 1_000_000
_HINT = "A workspace holds spec.json, nat_tools/<name>.py and tests/test_<name>.py."


def check_workspace(folder: Path, environments: EnvironmentInstaller, sandbox: Sandbox, seconds: float) -> GateReport:
    """Judge the tool in `folder` against its spec.json. Raises RequestInvalid where there is no usable one."""
    tool = _specification(folder)
    return judge(tool, folder, environments.nat(tool.dependencies), sandbox, seconds)


def _specification(folder: Path) -> ToolSpec:
    spec = folder / "spec.json"
    try:
        if not folder.is_dir():
            raise RequestInvalid(f"{str(folder)!r} is no folder.", _HINT)
        if not stat.S_ISREG(spec.stat().st_mode):
            raise RequestInvalid(f"{spec} is no file.", _HINT)
        with spec.open("rb") as file:
            content = file.read(_MAX_SPEC_BYTES + 1)
        if len(content) > _MAX_SPEC_BYTES:
            raise RequestInvalid(f"{spec} is larger than {_MAX_SPEC_BYTES:,} bytes.", _HINT)
        tool = ToolSpec.model_validate_json(content)
    except OSError as error:
        raise RequestInvalid(f"{spec} cannot be read: {error.strerror}.", _HINT) from None
    except ValueError as error:
        raise RequestInvalid(f"{spec} is no specification: {_said(error)}.", _HINT) from None
    for schema in (tool.parameters, tool.returns):
        if fault := schema_fault(schema):
            raise RequestInvalid(f"{spec}: parameters and returns must be JSON Schemas: {fault}.", _HINT)
    return tool


def _said(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
