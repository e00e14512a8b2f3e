"""What the harness is asked, in two interpreters at once, and what it answered."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agenthands._util.untrusted_json import read_scrubbed
from agenthands.environments.base import Environment
from agenthands.errors import SandboxLost
from agenthands.gate.checks.files import tests_path
from agenthands.gate.checks.hygiene import imported
from agenthands.gate.harness import harness_source, preparation_source
from agenthands.gate.mutation.mutants import Mutant
from agenthands.sandbox.base import Command, Limits, Preparation, Sandbox
from agenthands.sandbox.preload.agenthands_lazy_imports import ONLY_NAMED
from agenthands.schemas import ToolSpec

Answer = Mapping[str, Any]
_BOOT = "import sys; r = sys.stdin.buffer; exec(compile(r.read(int(r.readline())), '<gate>', 'exec'))"
_LIBRARIES = ("coverage", "time_machine", "_time_machine")
_OTHER_DATE = 403 * 86400 + 5 * 3600 + 1234  # seconds: another year, month, weekday and hour
_MAX_LANES = 4
_ONE_RUN = 1 / 30  # of the whole time: more than 40 mutants on two cores need, where each takes all of it


@dataclass(frozen=True)
class Answers:
    """What the jobs found, by id; `repeated` comes from an interpreter with another hash seed and date."""

    first: Mapping[str, Answer]
    repeated: Mapping[str, Answer]


@dataclass(frozen=True)
class Judged:
    """A tool's files on their way into the sandbox, with the changed versions of its module by name."""

    tool: ToolSpec
    texts: Mapping[str, str]
    stubs: Mapping[str, str]
    hollow: str
    mutants: Sequence[Mutant]


def run_harness(judged: Judged, environment: Environment, sandbox: Sandbox, seconds: float) -> Answers:
    """Run all jobs in two sandboxes; without a whole report every job has failed, with the reason.

    `seconds` bounds the whole, and a part of it each run of the tests. Raises SandboxLost.
    """
    with tempfile.TemporaryDirectory(prefix="agenthands-gate-") as scratch, ThreadPoolExecutor(2) as threads:
        folder = Path(scratch)
        one = max(1.0, seconds * _ONE_RUN)
        for relative, text in judged.texts.items():
            path = folder / "tool" / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        runs = [
            threads.submit(_ask, folder, f"work-{seed}", stages, seed, (judged, environment, sandbox, seconds))
            for seed, stages in ((0, _first_stages(judged, one)), (1, _repeated_stages(judged, one)))
        ]
        first, repeated = (run.result() for run in runs)
    return Answers(first, repeated)


def _first_stages(judged: Judged, seconds: float) -> list[dict[str, Any]]:
    tests = {"kind": "tests", "seconds": seconds}
    changed = {**tests, "like": "tests", "verdict_only": True}
    killed = {**changed, "first_failure": True}
    more = [
        {**tests, "id": "alone", "alone": True},
        {**tests, "id": "reverse", "reverse": True},
        {**changed, "id": "hollow", "source": judged.hollow},
        *({**killed, "id": f"stub: {what}", "source": source} for what, source in judged.stubs.items()),
        *(
            {**killed, "id": f"mutant {number}", "source": mutant.source}
            for number, mutant in enumerate(judged.mutants)
        ),
    ]
    return [
        {"stop": True, "jobs": [{"id": "conformance", "kind": "conformance", "seconds": seconds}]},
        {"stop": True, "jobs": [{**tests, "id": "tests", "coverage": True}, _calls(judged.tool, seconds)]},
        {"stop": False, "jobs": more},
        {"stop": False, "jobs": [{**tests, "id": "again"}]},
    ]


def _repeated_stages(judged: Judged, seconds: float) -> list[dict[str, Any]]:
    other = {"clock_shift": _OTHER_DATE}
    tests = {"id": "tests", "kind": "tests", "seconds": seconds, **other}
    return [{"stop": False, "jobs": [tests, {**_calls(judged.tool, seconds), **other}]}]


def _calls(tool: ToolSpec, seconds: float) -> dict[str, Any]:
    arguments = [example.arguments for example in tool.examples]
    return {"id": "calls", "kind": "calls", "seconds": seconds, "arguments": arguments}


def _ask(
    folder: Path, work: str, stages: list[dict[str, Any]], seed: int, parts: tuple[Judged, Environment, Sandbox, float]
) -> Mapping[str, Answer]:
    judged, environment, sandbox, seconds = parts
    (folder / work).mkdir()
    libraries = [_location(library) for library in _LIBRARIES]
    lazy_imports = _not_needed(judged)
    path = sorted({str(library.parent) for library in libraries})
    request = {
        "folder": str(folder / "tool"),
        "work": str(folder / work),
        "tool": judged.tool.name,
        "tests": tests_path(judged.tool.name),
        "lazy_imports": lazy_imports,
        "path": path,
        "lanes": min(_MAX_LANES, os.cpu_count() or 1),
        "stages": stages,
    }
    harness = harness_source()
    variables = {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONHASHSEED": str(seed),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COVERAGE_CORE": "sysmon",
    }
    # an environment of a tool's own is not worth an interpreter that stays
    prepared = Preparation(preparation_source(lazy_imports, path), variables) if lazy_imports else None
    result = sandbox.run(
        Command(
            argv=[str(environment.python), "-P", "-c", _BOOT],
            workspace=folder / work,
            read_only=[environment.path, folder / "tool", *libraries],
            variables=variables,
            stdin=f"{len(harness)}\n".encode() + harness + json.dumps(request).encode() + b"\n",
            limits=Limits(seconds=seconds, output_bytes=32 * 1024**2),
            prepared=prepared,
        )
    )
    if result.exit_code == 0 and not result.truncated:
        try:
            answers: dict[str, dict[str, Any]] = read_scrubbed(result.stdout)
            return answers
        except ValueError:
            pass
    if result.exit_code == 1 and b"ModuleNotFoundError: No module named 'nat" in result.stderr:
        raise SandboxLost("The NAT environment is not usable in the sandbox.")
    ended = "was still running at the time limit" if result.timed_out else f"ended with exit code {result.exit_code}"
    reason = f"the run {ended} and left no report. {result.stderr.decode(errors='replace')[-1500:]}".strip()
    return {job["id"]: {"ok": False, "error": reason, "lost": True} for stage in stages for job in stage["jobs"]}


def _not_needed(judged: Judged) -> dict[str, str]:
    """Return the packages that NAT imports and that neither the tool nor what it depends on can use, with a class."""
    used = {name.partition(".")[0] for text in judged.texts.values() for _, name in imported(ast.parse(text))}
    return {} if judged.tool.dependencies or used & ONLY_NAMED.keys() else ONLY_NAMED


def _location(library: str) -> Path:
    """Return the folder or file of an installed module; the sandbox's Python is of the same version as ours."""
    found = importlib.util.find_spec(library)
    assert found
    assert found.origin
    path = Path(found.origin)
    return path.parent if path.name == "__init__.py" else path
