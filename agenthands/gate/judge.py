"""One verdict on one tool, from all checks."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from agenthands.errors import SandboxLost
from agenthands.gate.conformance import static_complaints
from agenthands.gate.results import conformance_check, examples_check, own_tests_check
from agenthands.gate.workspace import check_files, tests_path, tool_path
from agenthands.models import Check, CustomTool, GateReport, held_out_indices
from agenthands.ports import Command, Environment, Limits, Sandbox

GATE_VERSION = "1"
_HARNESS = Path(__file__).parent / "harness.py"


def judge(tool: CustomTool, workspace: Path, environment: Environment, sandbox: Sandbox, seconds: float) -> GateReport:
    """Judge the tool that `workspace` holds against its whole specification.

    `seconds` bounds the run in the sandbox. A tool that hangs or crashes is rejected. Raises SandboxLost.
    """
    started = time.monotonic()
    checks = _checks(tool, workspace, environment, sandbox, seconds)
    return GateReport(
        tool=tool.name,
        accepted=all(check.passed for check in checks if check.required),
        seconds=round(time.monotonic() - started, 3),
        checks=checks,
    )


def _checks(
    tool: CustomTool, workspace: Path, environment: Environment, sandbox: Sandbox, seconds: float
) -> list[Check]:
    texts, complaints = check_files(workspace, tool.name)
    if complaints:
        return [Check(name="files", passed=False, detail="\n".join(complaints))]
    files = Check(name="files", passed=True, detail="Tool and tests are there, and nothing else.")
    if complaints := static_complaints(texts[tool_path(tool.name)], tool.name):
        return [files, Check(name="conformance", passed=False, detail="\n".join(complaints))]
    return [files, *_run_checks(tool, texts, environment, sandbox, seconds)]


def _run_checks(
    tool: CustomTool, texts: dict[str, str], environment: Environment, sandbox: Sandbox, seconds: float
) -> list[Check]:
    hidden = held_out_indices(tool)
    visible = [example for index, example in enumerate(tool.examples) if index not in hidden]
    held_out = [tool.examples[index] for index in hidden]
    jobs = [
        {"id": "conformance", "kind": "conformance", "seconds": seconds / 4},
        {"id": "tests", "kind": "tests", "seconds": seconds / 2, "files": [tests_path(tool.name)]},
        {
            "id": "examples",
            "kind": "calls",
            "seconds": seconds / 4,
            "arguments": [e.arguments for e in visible],
        },
        {
            "id": "held_out",
            "kind": "calls",
            "seconds": seconds / 4,
            "arguments": [e.arguments for e in held_out],
        },
    ]
    with tempfile.TemporaryDirectory(prefix="agenthands-gate-") as scratch:
        folder = Path(scratch)
        for relative, text in texts.items():
            path = folder / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        answers = _ask_harness(tool.name, folder, jobs, environment, sandbox, seconds)
    conformance = conformance_check(answers["conformance"])
    if not conformance.passed:
        return [conformance]
    checks = [
        conformance,
        own_tests_check(answers["tests"]),
        examples_check("examples", visible, answers["examples"]),
    ]
    if held_out:
        checks.append(examples_check("held_out", held_out, answers["held_out"]))
    return checks


def _ask_harness(
    tool: str,
    folder: Path,
    jobs: list[dict[str, Any]],
    environment: Environment,
    sandbox: Sandbox,
    seconds: float,
) -> dict[str, dict[str, Any]]:
    """Run all jobs in one sandbox; without a whole report every job has failed, with the reason."""
    request = {"folder": str(folder), "tool": tool, "jobs": jobs}
    result = sandbox.run(
        Command(
            argv=[str(environment.python), "-P", str(_HARNESS)],
            workspace=folder,
            read_only=[environment.path, _HARNESS],
            variables={
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTHONHASHSEED": "0",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdin=json.dumps(request).encode(),
            limits=Limits(seconds=seconds * 1.5 + 30, output_bytes=16 * 1024**2),
        )
    )
    if result.exit_code == 0 and not result.truncated:
        try:
            answers: dict[str, dict[str, Any]] = json.loads(result.stdout)
            return answers
        except ValueError:
            pass
    if result.exit_code == 1 and b"ModuleNotFoundError: No module named 'nat" in result.stderr:
        raise SandboxLost("The NAT environment is not usable in the sandbox.")
    ended = "was still running at the time limit" if result.timed_out else f"ended with exit code {result.exit_code}"
    reason = f"the run {ended} and left no report. {result.stderr.decode(errors='replace')[-1500:]}".strip()
    return {job["id"]: {"ok": False, "error": reason, "outcomes": {}, "failures": []} for job in jobs}
