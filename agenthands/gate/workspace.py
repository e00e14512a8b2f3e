"""The check `files`: both files are there, parse, and nothing else was smuggled in."""

from __future__ import annotations

import ast
import stat
from pathlib import Path

from agenthands.gate.escapes import escapes

MAX_FILE_BYTES = 200_000
_MAX_ENTRIES = 500
_LEFT_OVERS = {"__pycache__", ".pytest_cache"}


def tool_path(tool: str) -> str:
    """Give the tool's module below a workspace."""
    return f"nat_tools/{tool}.py"


def tests_path(tool: str) -> str:
    """Give the tool's tests below a workspace."""
    return f"tests/test_{tool}.py"


def check_files(workspace: Path, tool: str) -> tuple[dict[str, str], list[str]]:
    """Read the two files of a tool and say what is wrong in the workspace.

    Returns the texts by relative path, complete only where there are no complaints, and the complaints.
    """
    complaints = _smuggled(workspace, tool)
    texts: dict[str, str] = {}
    for relative in (tool_path(tool), tests_path(tool)):
        try:
            text = _text(workspace, relative)
            found = escapes(ast.parse(text), in_tests=relative == tests_path(tool))
            complaints += [f"{relative}:{line}: {why}" for line, why in found]
            texts[relative] = text
        except OSError as error:
            complaints.append(f"{relative}: {error.strerror or error}.")
        except ValueError as error:
            complaints.append(f"{relative}: not text in UTF-8 ({error}).")
        except (SyntaxError, RecursionError) as error:
            where = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
            complaints.append(f"{relative}{where}: {getattr(error, 'msg', 'nested too deeply')}.")
    return texts, complaints


def _text(workspace: Path, relative: str) -> str:
    path = workspace / relative
    state = path.lstat()
    if not stat.S_ISREG(state.st_mode):
        raise OSError(0, "not a regular file")
    if state.st_size > MAX_FILE_BYTES:
        raise OSError(0, f"larger than {MAX_FILE_BYTES} bytes")
    text = path.read_text(encoding="utf-8")
    if "\0" in text:
        raise ValueError("null bytes")
    return text


def _smuggled(workspace: Path, tool: str) -> list[str]:
    allowed = {"spec.json", tool_path(tool), tests_path(tool)}
    empty = {"nat_tools/__init__.py", "tests/__init__.py"}
    found: list[str] = []
    for count, path in enumerate(_walk(workspace)):
        if count >= _MAX_ENTRIES:
            found.append("The workspace holds too many files.")
            break
        relative = path.relative_to(workspace).as_posix()
        if path.is_symlink():
            found.append(f"{relative}: links are not allowed; delete it.")
        elif relative in empty and path.stat().st_size == 0:
            continue
        elif not path.is_dir() and relative not in allowed:
            found.append(f"{relative}: only {', '.join(sorted(allowed))} belong here; delete it.")
    return found


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.name in _LEFT_OVERS and path.is_dir() and not path.is_symlink():
            continue
        found.append(path)
        if path.is_dir() and not path.is_symlink() and len(found) < _MAX_ENTRIES:
            found += _walk(path)
    return found
