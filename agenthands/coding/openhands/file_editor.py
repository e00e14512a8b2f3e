"""OpenHands' file store, redacted, and its file editor, confined to the workspace."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from openhands.sdk.io import LocalFileStore
from openhands.sdk.tool import register_tool
from openhands.tools.file_editor import FileEditorTool
from openhands.tools.file_editor.definition import FileEditorObservation
from openhands.tools.file_editor.impl import FileEditorExecutor

from agenthands._util.redaction import redact_bytes, redact_file


class RedactedFiles(LocalFileStore):
    """Persists events and state as the SDK does, redacted: errors may quote a key, and endpoint URLs contain one."""

    def write(self, path: str, contents: str | bytes) -> None:
        """Write a file, redacted."""
        super().write(path, redact_file(contents) if isinstance(contents, str) else redact_bytes(contents))


CONFINED_EDITOR = "confined_file_editor"


class ConfinedExecutor(FileEditorExecutor):
    """Refuses paths that lead outside the workspace, even through links; creates missing folders inside."""

    def __init__(self, executor: Any, root: str) -> None:
        """Confine `executor`, a FileEditorExecutor, to `root`."""
        self.editor = executor.editor
        self.allowed_edits_files = executor.allowed_edits_files
        self._root = Path(root).resolve()

    def close(self) -> None:
        """Delete the edit history, which OpenHands would leave in a temporary folder."""
        shutil.rmtree(self.editor._history_manager.cache.directory, ignore_errors=True)

    def __call__(self, action: Any, conversation: Any = None) -> Any:
        """Edit or view the path if it is inside; otherwise return an error observation."""
        path = Path(action.path).resolve()
        if not path.is_relative_to(self._root):
            text = f"{action.path} is outside the workspace {self._root}."
            return FileEditorObservation.from_text(text=text, command=action.command, is_error=True)
        if action.command == "create":
            path.parent.mkdir(parents=True, exist_ok=True)
        return super().__call__(action, conversation)


class ConfinedFileEditorTool(FileEditorTool):
    """A confined file editor that the model sees as the ordinary `file_editor`."""

    name = "file_editor"

    @classmethod
    def create(cls, conv_state: Any) -> Any:
        """Build the tool for one conversation's workspace."""
        (tool,) = FileEditorTool.create(conv_state)
        return [tool.set_executor(ConfinedExecutor(tool.executor, conv_state.workspace.working_dir))]


register_tool(CONFINED_EDITOR, ConfinedFileEditorTool)
