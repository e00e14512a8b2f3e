"""OpenHands' file store, redacted, and its file editor, confined to the workspace."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

from openhands.sdk import TextContent
from openhands.sdk.io import LocalFileStore
from openhands.sdk.tool import register_tool
from openhands.tools.file_editor import FileEditorTool
from openhands.tools.file_editor.definition import FileEditorObservation
from openhands.tools.file_editor.editor import FileEditor
from openhands.tools.file_editor.impl import FileEditorExecutor

from agenthands._util.redaction import redact_bytes, redact_file
from agenthands.coding.openhands.line_ends import with_ends, without_ends
from agenthands.coding.openhands.workspace_files import Unreachable, WorkspaceFiles


class RedactedFiles(LocalFileStore):
    """Persists events and state as the SDK does, redacted: errors may quote a key, and endpoint URLs contain one."""

    def write(self, path: str, contents: str | bytes) -> None:
        """Write a file, redacted."""
        super().write(path, redact_file(contents) if isinstance(contents, str) else redact_bytes(contents))


CONFINED_EDITOR = "confined_file_editor"
_LARGEST = FileEditor.MAX_FILE_SIZE_MB * 1024**2
_MOST_ENTRIES = 500  # of each folder that is shown
_MOST_UNDONE = 10  # as OpenHands keeps


class ConfinedExecutor(FileEditorExecutor):
    """Lets OpenHands' editor work on a copy outside the workspace, where no sandbox can change what it opens.

    The copy has one file, or the names of two levels of folders, at the same path below a folder of its own. What was
    edited is written back. Links are refused, missing folders are created, and line ends are kept.
    """

    def __init__(self, executor: Any, root: str) -> None:
        """Confine `executor`, a FileEditorExecutor, to `root`."""
        self.editor = executor.editor
        self.allowed_edits_files = executor.allowed_edits_files
        self._root = Path(root)
        self._files = WorkspaceFiles(self._root)
        self._copy = Path(tempfile.mkdtemp(prefix="agenthands-editor-")).resolve()
        self.editor._cwd = str(self._copied(self._root))  # for what it suggests
        self._undo: dict[Path, list[bytes | None]] = {}  # what had line ends that the editor does not keep
        self._lock = threading.Lock()

    def close(self) -> None:
        """Delete the copy, and the edit history, which OpenHands would leave in a temporary folder."""
        for folder in (self._copy, self.editor._history_manager.cache.directory):
            shutil.rmtree(folder, ignore_errors=True)

    def __call__(self, action: Any, conversation: Any = None) -> Any:
        """Edit or view the path if it is inside; otherwise return an error observation."""
        path = Path(os.path.normpath(self._root / action.path))
        with self._lock:
            try:
                inside = self._inside(path)
                done = self._done(action, path, inside, conversation)
            except Unreachable as error:
                return FileEditorObservation.from_text(text=str(error), command=action.command, is_error=True)
            finally:
                for each in self._copy.iterdir():
                    shutil.rmtree(each, ignore_errors=True)
        return self._as_if_there(done)

    def _inside(self, path: Path) -> Path:
        """Return the path relative to the workspace. Raises Unreachable."""
        for root in (self._root, self._root.resolve()):
            if path.is_relative_to(root):
                return path.relative_to(root)
        raise Unreachable(f"{path} is outside the workspace {self._root}.")

    def _done(self, action: Any, path: Path, inside: Path, conversation: Any) -> Any:
        """Have the editor do it on a copy, and write back what it has changed."""
        copy = self._copied(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        kind = self._files.kind(inside)
        before, mode, text = b"", 0, None
        if kind == "folder":
            self._copy_names(inside, copy)
        elif kind == "file":
            before, mode = self._files.read(inside, _LARGEST)
            copy.write_bytes(before)
            text = self._given_line_feeds(copy, before)
        changes: dict[str, Any] = {"path": str(copy)} if Path(action.path).is_absolute() else {}
        if text is not None and action.old_str is not None:
            changes["old_str"] = without_ends(action.old_str)
        done = super().__call__(action.model_copy(update=changes), conversation)
        if done.is_error or action.command == "view":
            return done
        if action.command == "create":
            self._files.create(inside, copy.read_bytes())
            self._remember(inside, None)
        elif action.command == "undo_edit":
            kept = self._undo.get(inside)
            raw = kept.pop() if kept else None
            self._files.replace(inside, copy.read_bytes() if raw is None else raw, mode)
        else:
            self._files.replace(inside, self._with_ends(copy, text, done), mode)
            self._remember(inside, None if text is None else before)
        return done

    def _given_line_feeds(self, copy: Path, content: bytes) -> str | None:
        """Give a copied file line feeds alone, and return its text as it was; None if it has no other line ends."""
        if b"\r" not in content:
            return None
        encodings = self.editor._encoding_manager
        encoding = encodings.get_encoding(copy)
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            return None  # the editor says what it thinks of it
        copy.write_bytes(without_ends(text).encode(encoding))
        encodings._encoding_cache[str(copy)] = (encoding, copy.stat().st_mtime)
        return text

    def _with_ends(self, copy: Path, before: str | None, done: Any) -> bytes:
        """Return what is to be written: the edited copy, with the line ends that the file had."""
        content = copy.read_bytes()
        if before is None:
            return content
        encoding, _ = self.editor._encoding_manager._encoding_cache[str(copy)]
        for each in (encoding, "utf-8"):  # the editor takes UTF-8 where the file's encoding lacks a character
            try:
                edited = content.decode(each)
            except UnicodeDecodeError:
                continue
            if without_ends(edited) == without_ends(done.new_content):
                return with_ends(edited, before).encode(each)
        return content

    def _remember(self, inside: Path, content: bytes | None) -> None:
        self._undo[inside] = [*self._undo.get(inside, []), content][-_MOST_UNDONE:]

    def _copied(self, path: Path) -> Path:
        return self._copy / path.relative_to("/")

    def _copy_names(self, inside: Path, copy: Path, levels: int = 2) -> None:
        copy.mkdir(exist_ok=True)
        folders, others = self._files.entries(inside, _MOST_ENTRIES)
        for name in others:
            (copy / name).touch()
        for name in folders:
            (copy / name).mkdir()
            if levels > 1:
                self._copy_names(inside / name, copy / name, levels - 1)

    def _as_if_there(self, done: Any) -> Any:
        """Return an observation that speaks of the workspace instead of the copy."""
        copy = str(self._copy)
        content = [
            each.model_copy(update={"text": each.text.replace(copy, "")}) if isinstance(each, TextContent) else each
            for each in done.content
        ]
        path = done.path.replace(copy, "") if done.path else done.path
        return done.model_copy(update={"content": content, "path": path})


class ConfinedFileEditorTool(FileEditorTool):
    """A confined file editor that the model sees as the ordinary `file_editor`."""

    name = "file_editor"

    @classmethod
    def create(cls, conv_state: Any) -> Any:
        """Build the tool for one conversation's workspace."""
        (tool,) = FileEditorTool.create(conv_state)
        return [tool.set_executor(ConfinedExecutor(tool.executor, conv_state.workspace.working_dir))]


register_tool(CONFINED_EDITOR, ConfinedFileEditorTool)
