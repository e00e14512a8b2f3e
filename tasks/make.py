"""A tool's work folder, from its first file to what is published of it."""

from __future__ import annotations

import shutil

from agenthands.gate.workspace import MAX_FILE_BYTES, tests_path, tool_path
from agenthands.models import CustomTool, MadeTool, ToolOutcome
from agenthands.ports import Environment
from agenthands.workplace import Build, ToolWork, tool_folder
from tasks import wiring

TRAJECTORY = "trajectory.jsonl"
_PAUSED = "paused"


def open_work(build: Build, tool: CustomTool, environment: Environment, key: str, with_fallback: str = "") -> ToolWork:
    """Name the work folder of a tool; what an earlier build left there unfinished is gone on with.

    `with_fallback` is the tool's key where a fallback has a part in it.
    """
    return ToolWork(build, tool, environment, tool_folder(build, key), with_fallback)


def begin(work: ToolWork, refresh: bool) -> None:
    """Make the folder ours, empty where nothing old counts. Only the holder of the tool's lock may.

    What a model has a part in that is not one of this build's does not count.
    """
    if refresh or any(other != work.stand_in for other in work.folder.glob("fallback-*")):
        shutil.rmtree(work.folder, ignore_errors=True)
    work.folder.mkdir(parents=True, exist_ok=True)
    (work.folder / _PAUSED).unlink(missing_ok=True)
    (work.folder / "owner").write_text(work.build.build_id, encoding="utf-8")


def pause(work: ToolWork, attempt: int, finished: bool) -> None:
    """Keep the folder beyond this build, for one with more money; `attempt` was the last one.

    An attempt that was not `finished` goes on then, and is judged anew.
    """
    if not finished:
        for step in (f"generate-{attempt}.json", f"validate-{attempt}-*.json"):
            for kept in work.steps.glob(step):
                kept.unlink()
    (work.folder / _PAUSED).touch()


def hand_over(work: ToolWork) -> dict[str, str]:
    """Copy what is kept of a tool to the build's folder and give its files: sources, gate reports, trajectory."""
    target = work.build.made(work.tool.name)
    target.mkdir(parents=True, exist_ok=True)
    files: dict[str, str] = {}
    for relative in ("spec.json", tool_path(work.tool.name), tests_path(work.tool.name)):
        path = work.workspace / relative
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_FILE_BYTES:
            files[relative] = path.read_text(encoding="utf-8", errors="replace")
    for report in sorted(work.folder.glob("gate-*.json")):
        shutil.copy(report, target)
    if events := wiring.trajectory(work.conversation):
        (target / TRAJECTORY).write_bytes(events)
    _write(work.build, work.tool.name, files)
    return files


def take_over(build: Build, made: MadeTool) -> ToolOutcome:
    """Put a tool that an earlier build made into the build's folder; it cost this build nothing."""
    _write(build, made.outcome.name, made.files)
    return made.outcome.from_before()


def end(work: ToolWork) -> None:
    """Remove the folder, unless it is paused, or somebody else began there meanwhile."""
    if (work.folder / _PAUSED).exists():
        return
    try:
        ours = (work.folder / "owner").read_text(encoding="utf-8") == work.build.build_id
    except OSError:
        return
    if ours:
        shutil.rmtree(work.folder, ignore_errors=True)


def _write(build: Build, tool: str, files: dict[str, str]) -> None:
    for relative, text in files.items():
        path = build.made(tool) / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
