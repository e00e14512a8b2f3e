"""One verdict on one tool, from all checks."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from agenthands._util.untrusted_json import schema_fault
from agenthands.environments.base import Environment, EnvironmentInstaller
from agenthands.errors import RequestInvalid
from agenthands.gate.checks.base import Finding, GateCheck
from agenthands.gate.checks.registry import CHECKS
from agenthands.gate.evidence import Evidence, Example
from agenthands.sandbox.base import Sandbox
from agenthands.schemas import Check, GateReport, ToolSpec
from agenthands.world.faults import world_faults

GATE_VERSION = str(max(check.version for check in CHECKS if check.required))
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

    `seconds` bounds the whole by the clock, a thirtieth of it, as CPU time, each run of the tests. `corrections` are
    examples that a ruling has put in the place of those with the same index. A tool that hangs or crashes is rejected.
    Checks that depend on one that failed are left out. Some tools are judged at once, as many as the machine has
    cores; the others wait. Raises SandboxLost.
    """
    with _at_once:
        return run_checks(Evidence(tool, workspace, environment, sandbox, seconds, corrections or {}, CHECKS))


def run_checks(evidence: Evidence) -> GateReport:
    """Run the checks of `evidence` in their order and return the verdict. Raises SandboxLost."""
    started = time.monotonic()
    checks: dict[str, Check] = {}
    report: dict[str, object] = {}
    for check in evidence.checks:
        if _has_its_turn(check, evidence, checks):
            finding, seconds = _timed(check, evidence)
            checks[check.name] = _entry(check, finding, seconds)
            report |= finding.report
    return GateReport.model_validate(
        {
            "tool": evidence.tool.name,
            "accepted": all(check.passed for check in checks.values() if check.required),
            "seconds": round(time.monotonic() - started, 3),
            "checks": list(checks.values()),
            **report,
        }
    )


def _has_its_turn(check: GateCheck, evidence: Evidence, done: Mapping[str, Check]) -> bool:
    """Return whether a check applies to the tool, and all that it depends on was done and passed."""
    return (
        all(name in done and done[name].passed for name in check.after)
        and all(job in evidence.answered for job in check.needs)
        and check.applies(evidence.tool)
    )


def _timed(check: GateCheck, evidence: Evidence) -> tuple[Finding, float]:
    """Run a check and return how long its own work and its jobs took; jobs run side by side, and some serve several."""
    started, waited = time.monotonic(), evidence.waited
    finding = check.run(evidence)
    own = time.monotonic() - started - (evidence.waited - waited)
    return finding, round(max(0.0, own) + evidence.seconds_of(check), 3)


def _entry(check: GateCheck, finding: Finding, seconds: float) -> Check:
    return Check.model_validate(
        {
            "name": check.name,
            "passed": finding.passed,
            "required": check.required,
            "detail": finding.detail,
            "seconds": seconds,
            **finding.more,
        }
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
    if fault := next(world_faults(tool), ""):
        raise RequestInvalid(f"{spec}: {fault}", "docs/worlds.md says what effects and worlds are.")
    return tool


def _said(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
