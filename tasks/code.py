"""A tool's work folder, from its first file to what is published of it."""

from __future__ import annotations

import contextlib
import secrets
import shutil

from prefect import task

import agenthands.coding.tool_coder as coding
from agenthands.coding.tool_coder import Feedback
from agenthands.environments.base import Environment
from agenthands.events import ToolProgress, ToolState, emit
from agenthands.gate.checks.files import MAX_FILE_BYTES, tests_path, tool_path
from agenthands.schemas import CodingResult, ToolArtifact, ToolOutcome, ToolSpec
from agenthands.store.workdirs import BuildContext, ToolWorkspace, tool_folder
from agenthands.tasks import dependencies
from agenthands.tasks.result_cache import cached_in_folder, is_cached, lock_if_free
from agenthands.tasks.retries import CALLS_MODELS

TRAJECTORY = "trajectory.jsonl"
_PAUSED = "paused"


def open_workspace(
    build: BuildContext, tool: ToolSpec, environment: Environment, key: str, with_fallback: str = ""
) -> ToolWorkspace:
    """Name the work folder of a tool; what an earlier build left there unfinished is gone on with.

    `with_fallback` is the tool's key where a fallback has a part in it.
    """
    return ToolWorkspace(build, tool, environment, tool_folder(build, key), with_fallback)


def create_workspace(work: ToolWorkspace, refresh: bool) -> None:
    """Make the folder ours, empty where nothing old counts. Only the holder of the tool's lock may.

    What a model has a part in that is not one of this build's does not count.
    """
    if refresh or any(other != work.stand_in for other in work.folder.glob("fallback-*")):
        _remove(work)
    work.folder.mkdir(parents=True, exist_ok=True)
    (work.folder / _PAUSED).unlink(missing_ok=True)
    (work.folder / "owner").write_text(work.build.build_id, encoding="utf-8")


def suspend(work: ToolWorkspace, attempt: int, finished: bool) -> None:
    """Keep the folder beyond this build, for one with more money; `attempt` was the last one.

    An attempt that was not `finished` goes on then, and is judged anew.
    """
    if not finished:
        for step in (f"generate-{attempt}.json", f"validate-{attempt}-*.json"):
            for kept in work.steps.glob(step):
                kept.unlink()
    (work.folder / _PAUSED).touch()


def collect_artifacts(work: ToolWorkspace) -> dict[str, str]:
    """Copy what is kept of a tool to the build's folder and return its files: sources, gate reports, trajectory."""
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
    """Put a tool that an earlier build made into the build's folder; it cost this build nothing."""
    _write(build, made.outcome.name, made.files)
    return made.outcome.from_before()


def remove_workspace(work: ToolWorkspace) -> None:
    """Remove the folder, unless it is paused, or somebody else began there meanwhile.

    Only the holder of the tool's lock may.
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
    """Remove the folder of an accepted tool, where the store has the tool and nobody works there meanwhile.

    What the store did not take is found in the folder by the next build.
    """
    settings = dependencies.settings_for(work.build.request.options())
    if any(is_cached(each, settings) for each in (key, work.key_with_fallback) if each):
        with lock_if_free(key, settings) as free:
            if free:
                remove_workspace(work)


def _remove(work: ToolWorkspace) -> None:
    """Remove the folder whole: where this is cut short, what is left lies in the build's folder, and goes with that."""
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
    """Return what one turn of the coding agent did."""
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
    """Return what one turn of the coding agent did, now or before its worker died."""
    return cached_in_folder(code_tool_task, f"generate-{attempt}", work.steps)(work, attempt, rejection)


def out_of_budget(work: ToolWorkspace) -> str:
    """Return which budget of the tool or its build is used up, as part of a sentence; empty where money is left."""
    budget = dependencies.budget_for(work.build).scope("tools", work.tool.name).exhausted()
    return budget[:1].lower() + budget[1:]
