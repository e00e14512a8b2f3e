"""Runs turns of a coding agent, and manages a tool's work folder from its first file to its published ones."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time

from prefect import task

import agenthands.coding.tool_coder as coding
from agenthands._util.atomic_files import write_atomic
from agenthands.coding.tool_coder import Feedback
from agenthands.environments.base import Environment
from agenthands.events import ToolProgress, ToolState, emit
from agenthands.gate.checks.files import MAX_FILE_BYTES, tests_path, tool_path
from agenthands.openapi.source import tool_source, tool_tests
from agenthands.schemas import CodingResult, Tokens, ToolArtifact, ToolOutcome, ToolSpec
from agenthands.store.workdirs import BuildContext, ToolWorkspace, tool_folder
from agenthands.tasks import dependencies
from agenthands.tasks.result_cache import cached_in_folder, is_cached, lock_if_free
from agenthands.tasks.retries import CALLS_MODELS

TRAJECTORY = "trajectory.jsonl"
_PAUSED = "paused"


def open_workspace(
    build: BuildContext, tool: ToolSpec, environment: Environment, key: str, with_fallback: str = ""
) -> ToolWorkspace:
    """Return the workspace of a tool; an unfinished one of an earlier build is resumed.

    `key` is the tool's cache key, and `with_fallback` its key if a fallback has a part in it.
    """
    return ToolWorkspace(build, tool, environment, tool_folder(build, key), with_fallback)


def create_workspace(work: ToolWorkspace, refresh: bool) -> None:
    """Take over the folder for this build; call this only while holding the tool's lock.

    Old content is removed if `refresh` is true, or if a fallback that this build does not have has a part in it.
    """
    if refresh or any(other != work.stand_in for other in work.folder.glob("fallback-*")):
        _remove(work)
    work.folder.mkdir(parents=True, exist_ok=True)
    (work.folder / _PAUSED).unlink(missing_ok=True)
    (work.folder / "owner").write_text(work.build.build_id, encoding="utf-8")


def suspend(work: ToolWorkspace, attempt: int, finished: bool) -> None:
    """Keep the folder for a later build with more budget; `attempt` was the last one.

    An attempt that is not `finished` is resumed then, and judged again.
    """
    if not finished:
        for step in (f"generate-{attempt}.json", f"validate-{attempt}-*.json"):
            for kept in work.steps.glob(step):
                kept.unlink()
    (work.folder / _PAUSED).touch()


def collect_artifacts(work: ToolWorkspace) -> dict[str, str]:
    """Copy a tool's sources, gate reports and trajectory to the build's folder, and return the sources by path."""
    target = work.build.tool_dir(work.tool.name)
    target.mkdir(parents=True, exist_ok=True)
    files: dict[str, str] = {}
    for relative in ("spec.json", tool_path(work.tool.name), tests_path(work.tool.name)):
        path = work.workspace / relative
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_FILE_BYTES:
            files[relative] = path.read_text(encoding="utf-8", errors="replace")
    for report in sorted(work.folder.glob("gate-*.json")):
        shutil.copy(report, target)
    if events := dependencies.trajectory(work.conversation):
        (target / TRAJECTORY).write_bytes(events)
    _write(work.build, work.tool.name, files)
    return files


def reuse_artifact(build: BuildContext, made: ToolArtifact) -> ToolOutcome:
    """Write a cached tool into the build's folder, and return its outcome, which costs this build nothing."""
    _write(build, made.outcome.name, made.files)
    return made.outcome.from_before()


def remove_workspace(work: ToolWorkspace) -> None:
    """Remove the folder, unless it is suspended or another build has taken it over.

    Call this only while holding the tool's lock.
    """
    if (work.folder / _PAUSED).exists():
        return
    try:
        ours = (work.folder / "owner").read_text(encoding="utf-8") == work.build.build_id
    except OSError:
        return
    if ours:
        _remove(work)


def remove_if_cached(work: ToolWorkspace, key: str) -> None:
    """Remove the folder of an accepted tool, if the tool is cached in the store and nobody holds its lock.

    If the store did not take the tool, the next build finds it in the folder.
    """
    settings = dependencies.settings_for(work.build.request.options())
    if any(is_cached(each, settings) for each in (key, work.key_with_fallback) if each):
        with lock_if_free(key, settings) as free:
            if free:
                remove_workspace(work)


def _remove(work: ToolWorkspace) -> None:
    """Remove the folder, by way of the build's folder: if this is interrupted, the rest is removed with that."""
    aside = work.build.folder / f"old-{secrets.token_hex(4)}"
    with contextlib.suppress(FileNotFoundError):
        work.folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _write(build: BuildContext, tool: str, files: dict[str, str]) -> None:
    for relative, text in files.items():
        path = build.tool_dir(tool) / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@task(task_run_name="generate-{work.tool.name}-try{attempt}", **CALLS_MODELS)
def code_tool_task(work: ToolWorkspace, attempt: int, rejection: Feedback | None) -> CodingResult:
    """Run one turn of the coding agent, and return its result."""
    state: ToolState = "coding" if attempt == 1 else "repairing"
    cost = dependencies.budget_for(work.build).cost_of(work.tool.name)
    emit(ToolProgress(work.build.build_id, work.tool.name, state, "asks the model", attempt, cost))
    settings = dependencies.settings_for(work.build.request.options())
    scope = dependencies.budget_for(work.build).scope("tools", work.tool.name, attempt)
    return coding.generate_tool(
        work,
        attempt,
        rejection,
        dependencies.coder_for(settings),
        dependencies.sandbox_for(settings),
        dependencies.coding_limits(settings, scope),
    )


def code_tool(work: ToolWorkspace, attempt: int, rejection: Feedback | None) -> CodingResult:
    """Return the result of one turn of the coding agent; one that finished before its worker died is not repeated."""
    return cached_in_folder(code_tool_task, f"generate-{attempt}", work.steps)(work, attempt, rejection)


@task(task_run_name="compile-{work.tool.name}")
def compile_tool(work: ToolWorkspace) -> CodingResult:
    """Write the tool of an API's operation, and its tests; no model has a part in it."""
    began = time.monotonic()
    emit(ToolProgress(work.build.build_id, work.tool.name, "coding", "is compiled from its description", 1, 0.0))
    coding.write_specification(work)
    write_atomic(work.workspace / tool_path(work.tool.name), tool_source(work.tool))
    write_atomic(work.workspace / tests_path(work.tool.name), tool_tests(work.tool))
    seconds = round(time.monotonic() - began, 3)
    return CodingResult(status="finished", cost_usd=0.0, tokens=Tokens(), seconds=seconds, steps=0)


def out_of_budget(work: ToolWorkspace) -> str:
    """Return which budget of the tool or its build is used up, as part of a sentence; empty if none is."""
    budget = dependencies.budget_for(work.build).scope("tools", work.tool.name).exhausted()
    return budget[:1].lower() + budget[1:]
