"""Tries what a coder needs of a model: a turn of the real coding agent, in its sandbox, that writes one small file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from agenthands._util.formatting import one_line
from agenthands.coding.base import Coder, CodingTask
from agenthands.llm.budget import BudgetScope
from agenthands.llm.prompts import render
from agenthands.sandbox.base import Command, Sandbox
from agenthands.schemas import CodingResult
from agenthands.trial.answers import Found

FILE, LINE = "answer.py", 'COLOUR = "teal"'
_NOTES = "colour: teal\n"
_STEPS = 6
_SECONDS = 600.0
_TOLD = 300
_RESULTS = {"context_exceeded", "content_filtered", "answer_cut_off", "model_silent"}


def try_coding(coder: Coder, sandbox: Sandbox, scope: BudgetScope) -> Found:
    """Have the coding agent read a file and write another. Raises as `Coder.work`, and what the sandbox raises."""
    with tempfile.TemporaryDirectory(prefix="trial-") as folder:
        workspace = Path(folder) / "workspace"
        workspace.mkdir()
        (workspace / "notes.txt").write_text(_NOTES, encoding="utf-8")
        result = coder.work(
            CodingTask(
                build_id="trial",
                tool="trial",
                attempt=1,
                system_prompt=render("trial/coder.md.j2", workspace=str(workspace), file=FILE, notes="notes.txt"),
                message=f"Write {workspace / FILE} now.",
                workspace=workspace,
                conversation=Path(folder) / "conversation",
                shell=sandbox.shell(Command((), workspace), Path(folder) / "shell"),
                seconds=_SECONDS,
                steps=_STEPS,
                scope=scope,
                stand_in=Path(folder) / "fallback",
            )
        )
        return _found(workspace / FILE, result)


def _found(file: Path, result: CodingResult) -> Found:
    written = file.read_text(encoding="utf-8", errors="replace") if file.is_file() and not file.is_symlink() else None
    if written is not None and written.strip() == LINE:
        return f"the coding agent reads and writes files, {result.steps} calls", ""
    if result.reason_code in _RESULTS:
        return one_line(result.reason, _TOLD), result.reason_code
    if result.status == "finished" and result.reason:
        return one_line(result.reason, _TOLD), "tools_not_called"
    if written is not None:
        return f"it wrote {one_line(written, _TOLD)!r}", "work_not_done"
    return one_line(result.reason, _TOLD) or "it says that it is done, and wrote nothing", "work_not_done"
