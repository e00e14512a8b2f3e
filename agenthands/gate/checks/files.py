"""The check `files`: both files are there, parse, and nothing else was smuggled in."""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, override

from agenthands.gate.checks.base import STRONGER_CODER, Finding, GateCheck
from agenthands.gate.checks.tampering import tampering_findings
from agenthands.schemas import Check, ToolSpec

if TYPE_CHECKING:
    from agenthands.gate.evidence import Evidence

MAX_FILE_BYTES = 200_000
_MAX_ENTRIES = 500
_MAX_COMPLAINTS = 50
NOT_WRITTEN = "not_written"
"""The reason code of a tool of which a file was never written."""
_MAX_DEPTH = 150  # of the syntax tree; what works on trees further on recurses
_LEFT_OVERS = {"__pycache__", ".pytest_cache"}


class Files(GateCheck):
    """The workspace holds the tool and its tests, and no more."""

    name = "files"
    order = 10
    headline = True
    summary = "both files are there, and nothing else; nothing in them reaches around Python or pytest"
    fix = "Delete what is too much. Do without processes, `ctypes`, `inspect` and their like."
    remedy = (
        "The coder stopped before it was done, or left something behind: give it more steps (AGENTHANDS_CODER_STEPS), "
        "or a stronger model (--coder)."
    )
    after = ()

    def run(self, evidence: Evidence) -> Finding:
        """Read the files for all other checks."""
        texts, complaints = check_files(evidence.workspace, evidence.tool.name)
        if complaints:
            missing = any(not os.path.lexists(evidence.workspace / path) for path in _paths(evidence.tool.name))
            return Finding(False, "\n".join(complaints), more={"reason_code": NOT_WRITTEN if missing else ""})
        evidence.texts = texts
        return Finding(True, "Tool and tests are there, and nothing else.")

    @override
    def advice(self, found: Check, planned: ToolSpec | None) -> str:
        """Tell a model that wrote nothing from one that left something behind."""
        missing = found.reason_code == NOT_WRITTEN
        return f"the model says that it is done and leaves no files, so {STRONGER_CODER}" if missing else ""


def tool_path(tool: str) -> str:
    """Return the tool's module below a workspace."""
    return f"nat_tools/{tool}.py"


def tests_path(tool: str) -> str:
    """Return the tool's tests below a workspace."""
    return f"tests/test_{tool}.py"


def _paths(tool: str) -> tuple[str, str]:
    return tool_path(tool), tests_path(tool)


def check_files(workspace: Path, tool: str) -> tuple[dict[str, str], list[str]]:
    """Read the two files of a tool and say what is wrong in the workspace.

    Returns the texts by relative path, complete only where there are no complaints, and the complaints.
    """
    try:
        complaints = _smuggled(workspace, tool)
    except OSError as error:
        return {}, [f"The workspace cannot be read: {error.strerror or error}."]
    texts: dict[str, str] = {}
    for relative in _paths(tool):
        try:
            text = _text(workspace, relative)
            tree = ast.parse(text)
            if _depth(tree) > _MAX_DEPTH:
                raise RecursionError
            found = tampering_findings(tree, in_tests=relative == tests_path(tool))
            complaints += [f"{relative}:{line}: {why}" for line, why in found]
            texts[relative] = text
        except OSError as error:
            complaints.append(f"{relative}: {error.strerror or error}.")
        except ValueError as error:
            complaints.append(f"{relative}: not text in UTF-8 ({error}).")
        except (SyntaxError, RecursionError, MemoryError) as error:  # the last: what the parser says of deep nesting
            where = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
            complaints.append(f"{relative}{where}: {getattr(error, 'msg', 'nested too deeply')}.")
    return texts, complaints


def _depth(tree: ast.Module) -> int:
    level: list[ast.AST] = [tree]
    depth = 0
    while level:
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        depth += 1
    return depth


def _text(workspace: Path, relative: str) -> str:
    path = workspace / relative
    state = path.lstat()
    if not stat.S_ISREG(state.st_mode):
        raise OSError(0, "not a regular file")
    if state.st_size > MAX_FILE_BYTES:
        raise OSError(0, f"larger than {MAX_FILE_BYTES} bytes")
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read(MAX_FILE_BYTES)
    if "\0" in text:
        raise ValueError("null bytes")
    return text


def _smuggled(workspace: Path, tool: str) -> list[str]:
    allowed = {"spec.json", tool_path(tool), tests_path(tool)}
    empty = {"nat_tools/__init__.py", "tests/__init__.py"}
    entries = list(islice(_walk(workspace), _MAX_ENTRIES + 1))
    found = ["The workspace holds too many files."] if len(entries) > _MAX_ENTRIES else []
    for entry in sorted(entries, key=lambda entry: entry.path):
        relative = os.path.relpath(entry.path, workspace)
        shown = relative.encode(errors="replace").decode()[:200]
        if entry.is_symlink():
            found.append(f"{shown}: links are not allowed; delete it.")
        elif relative in empty and entry.stat().st_size == 0:
            continue
        elif relative in allowed and not entry.is_file():
            found.append(f"{shown}: not a regular file; delete it.")
        elif not entry.is_dir() and relative not in allowed:
            found.append(f"{shown}: only {', '.join(sorted(allowed))} belong here; delete it.")
    return found[:_MAX_COMPLAINTS]


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Return every entry below a folder, folder by folder, without following links; what cannot be read is an error."""
    pending = [str(folder)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.name in _LEFT_OVERS and entry.is_dir(follow_symlinks=False):
                    continue
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
