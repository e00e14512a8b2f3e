"""Has the harness do jobs, in two interpreters at once, and returns what it answered."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import secrets
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agenthands._util.untrusted_json import read_scrubbed
from agenthands.environments.base import Environment
from agenthands.errors import SandboxLost
from agenthands.gate.checks.declared import imported
from agenthands.gate.checks.files import tests_path
from agenthands.gate.harness import harness_code, preparation_source
from agenthands.gate.harness_jobs import Job, worlds_of
from agenthands.gate.harness_jobs import Stage as JobStage
from agenthands.sandbox.base import Command, Limits, Preparation, Sandbox
from agenthands.sandbox.preload.agenthands_lazy_imports import ONLY_NAMED
from agenthands.schemas import ToolSpec
from agenthands.world.staging import Stage, staged

Answer = Mapping[str, Any]
_BOOT = "import marshal, sys; r = sys.stdin.buffer; exec(marshal.loads(r.read(int(r.readline()))))"
_CLIENTS = {"aiohttp", "httpx", "requests", "urllib"}  # that the harness can warm up
_LIBRARIES = ("coverage", "time_machine", "_time_machine")
_MAX_LANES = 4
_ONE_RUN = 1 / 30  # of the whole time, as CPU time: more than 40 mutants on two cores need, where each takes all of it
_ASLEEP = 1 / 4  # of the whole time, by the clock: for what sleeps, and never reached by what works on a busy machine


@dataclass(frozen=True)
class Answers:
    """What the jobs found, by id; `repeated` comes from an interpreter with another hash seed and date."""

    first: Mapping[str, Answer]
    repeated: Mapping[str, Answer]


@dataclass(frozen=True)
class _Run:
    """A tool on its way into the sandbox, and the bounds of one run of the harness."""

    tool: ToolSpec
    texts: Mapping[str, str]
    environment: Environment
    sandbox: Sandbox
    seconds: float
    stage: Stage | None


def run_harness(
    tool: ToolSpec,
    texts: Mapping[str, str],
    jobs: Iterable[Job],
    environment: Environment,
    sandbox: Sandbox,
    seconds: float,
) -> Answers:
    """Do the jobs in two sandboxes; without a whole report every job has failed, with the reason.

    A job that is given twice is done once. `seconds` bounds the whole by the clock, and a part of it, as CPU time, each
    run of the tests. Raises SandboxLost.
    """
    once = {(job.repeated, job.id): job for job in jobs}.values()
    with (
        tempfile.TemporaryDirectory(prefix="agenthands-gate-") as scratch,
        staged(tool, Path(scratch) / "world") as stage,
        ThreadPoolExecutor(2) as threads,
    ):
        folder = Path(scratch)
        for relative, text in texts.items():
            path = folder / "tool" / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        run = _Run(tool, texts, environment, sandbox, seconds, stage)
        runs = [
            threads.submit(_ask, run, folder, seed, _Request([job for job in once if job.repeated is repeated]))
            for seed, repeated in enumerate((False, True))
        ]
        first, repeated = (each.result() for each in runs)
    return Answers(first, repeated)


class _Request:
    """Jobs as the harness reads them, which sees no name of theirs, and meets changed tools in any order.

    Tests can look around in the harness that runs them. What they must not find out is which changed tools do what the
    tool does, because then they must pass, and fail with others.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self._tokens = {job.id: secrets.token_hex(6) for job in jobs}
        self._names = {token: name for name, token in self._tokens.items()}

    def stages(self, seconds: float) -> list[dict[str, Any]]:
        """Return the jobs in the stages in which the harness does them; `seconds` bounds the whole."""
        by_stage = {stage: self._mixed([job for job in self.jobs if job.stage is stage]) for stage in JobStage}
        return [
            {"stop": stage.stops, "jobs": [self._read(job, seconds) for job in some]}
            for stage, some in by_stage.items()
            if some
        ]

    def named(self, answers: Mapping[str, Answer]) -> Mapping[str, Answer]:
        """Return answers by the ids of their jobs."""
        return {" ".join(self._names[token] for token in tokens.split()): each for tokens, each in answers.items()}

    def _read(self, job: Job, seconds: float) -> dict[str, Any]:
        read = job.request(max(1.0, seconds * _ONE_RUN), max(10.0, seconds * _ASLEEP))
        named = {"id": self._tokens[job.id]}
        return {**read, **named, **({"like": self._tokens[job.refers_to]} if job.refers_to in self._tokens else {})}

    @staticmethod
    def _mixed(jobs: Sequence[Job]) -> Sequence[Job]:
        first = [job for job in jobs if "source" not in job.options]  # the longest ones
        changed = [job for job in jobs if "source" in job.options]
        secrets.SystemRandom().shuffle(changed)
        return [*first, *changed]


def _ask(run: _Run, folder: Path, seed: int, request: _Request) -> Mapping[str, Answer]:
    """Run the harness once, with a hash seed of its own, and return what it answered."""
    if not request.jobs:
        return {}
    work = folder / f"work-{seed}"
    work.mkdir()
    command = _command(run, folder, work, seed, request.stages(run.seconds))
    result = run.sandbox.run(command)
    if result.exit_code == 0 and not result.truncated:
        try:
            answers: dict[str, dict[str, Any]] = read_scrubbed(result.stdout)
            return request.named(answers)
        except ValueError:
            pass
    if result.exit_code == 1 and b"ModuleNotFoundError: No module named 'nat" in result.stderr:
        raise SandboxLost("The NAT environment is not usable in the sandbox.")
    ended = "was still running at the time limit" if result.timed_out else f"ended with exit code {result.exit_code}"
    reason = f"the run {ended} and left no report. {result.stderr.decode(errors='replace')[-1500:]}".strip()
    return {job.id: {"ok": False, "error": reason, "lost": True} for job in request.jobs}


def _command(run: _Run, folder: Path, work: Path, seed: int, stages: list[dict[str, Any]]) -> Command:
    """Return the command that gives an interpreter the harness and what it is to do."""
    libraries = [_location(library) for library in _LIBRARIES]
    lazy_imports = _not_needed(run)
    path = sorted({str(library.parent) for library in libraries})
    request = {
        "folder": str(folder / "tool"),
        "work": str(work),
        "tool": run.tool.name,
        "tests": tests_path(run.tool.name),
        "lazy_imports": lazy_imports,
        "path": path,
        "lanes": min(_MAX_LANES, os.cpu_count() or 1),
        "stages": stages,
        **_worlds(run),
    }
    harness = harness_code()  # an environment has the version of this interpreter
    variables = {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONHASHSEED": str(seed),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COVERAGE_CORE": "sysmon",
    }
    # an environment of a tool's own is not worth an interpreter that stays
    prepared = Preparation(preparation_source(lazy_imports, path), variables) if lazy_imports else None
    command = Command(
        argv=[str(run.environment.python), "-P", "-c", _BOOT],
        workspace=work,
        read_only=[run.environment.path, folder / "tool", *libraries],
        variables=variables,
        stdin=f"{len(harness)}\n".encode() + harness + json.dumps(request).encode() + b"\n",
        limits=Limits(seconds=run.seconds, output_bytes=32 * 1024**2),
        prepared=prepared,
    )
    return run.stage.around(command) if run.stage else command


def _worlds(run: _Run) -> dict[str, Any]:
    """Return what the harness must know of the tool's worlds, where it has some."""
    if not run.stage:
        return {}
    clients = sorted(_imported(run) & _CLIENTS)
    return {"worlds": run.stage.described, "calls": worlds_of(run.tool), "clients": clients}


def _imported(run: _Run) -> set[str]:
    return {name.partition(".")[0] for text in run.texts.values() for _, name in imported(ast.parse(text))}


def _not_needed(run: _Run) -> dict[str, str]:
    """Return the packages that NAT imports and that neither the tool nor what it depends on can use, with a class."""
    return {} if run.tool.dependencies or _imported(run) & ONLY_NAMED.keys() else ONLY_NAMED


def _location(library: str) -> Path:
    """Return the folder or file of an installed module; the sandbox's Python is of the same version as ours."""
    found = importlib.util.find_spec(library)
    assert found
    assert found.origin
    path = Path(found.origin)
    return path.parent if path.name == "__init__.py" else path
