"""One build and the folders in which it works."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agenthands.models import BuildRequest


class Build(BaseModel):
    """A build under way: its id, what was asked, and where it works."""

    model_config = ConfigDict(frozen=True)

    build_id: str
    request: BuildRequest
    folder: Path

    def tool_folder(self, tool: str) -> Path:
        """Everything about one tool; the sandbox sees its workspace alone."""
        return self.folder / "tools" / tool

    def workspace(self, tool: str) -> Path:
        """Where the coder works; the same path inside and outside the sandbox."""
        return self.tool_folder(tool) / "workspace"

    def conversation(self, tool: str) -> Path:
        """Where the coder's events are persisted."""
        return self.tool_folder(tool) / "conversation"


def new_build(request: BuildRequest, home: Path) -> Build:
    """Make the folder of a new build. Its id sorts by time: 20261123-134501-1f2e3d."""
    build_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
    folder = home / "work" / build_id
    folder.mkdir(parents=True)
    return Build(build_id=build_id, request=request, folder=folder)
