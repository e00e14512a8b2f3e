"""Where a build works: its own folder, and a folder for each tool that outlives a worker that was killed."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agenthands.leftovers import claim
from agenthands.models import BuildRequest, CustomTool
from agenthands.ports import Environment

BOOK, PLAN = "spending.jsonl", "plan.json"  # in a build's folder


class Build(BaseModel):
    """A build under way: its id, what was asked, and where it works."""

    model_config = ConfigDict(frozen=True)

    build_id: str
    request: BuildRequest
    folder: Path

    def made(self, tool: str) -> Path:
        """Where a finished tool lies: what is packed and published."""
        return self.folder / "tools" / tool


@dataclass(frozen=True)
class ToolWork:
    """One tool that is being made for a build, in the environment in which it must work.

    The folder belongs to what the tool is made from, not to the build: who makes the same tool next goes on there.
    """

    build: Build
    tool: CustomTool
    environment: Environment
    folder: Path
    key_with_fallback: str = ""
    """Where the tool is kept if a fallback has a part in it; empty where there is none."""

    @property
    def stand_in(self) -> Path:
        """The file whose presence says that this build's fallback has a part in what lies in the folder."""
        return self.folder / f"fallback-{self.key_with_fallback.rpartition('/')[2][:24]}"

    @property
    def workspace(self) -> Path:
        """Where the coder works, all that the sandbox sees; the same path inside and outside."""
        return self.folder / "workspace"

    @property
    def conversation(self) -> Path:
        """Where the coder's events are persisted."""
        return self.folder / "conversation"

    @property
    def shell(self) -> Path:
        """Where the coder's shell has its control files."""
        return self.folder / "shell"

    @property
    def steps(self) -> Path:
        """Where Prefect keeps the results of finished attempts."""
        return self.folder / "steps"

    def report(self, attempt: int) -> Path:
        """Where the gate's report of an attempt is kept."""
        return self.folder / f"gate-{attempt}.json"


def new_build(request: BuildRequest, home: Path) -> Build:
    """Make the folder of a new build. Its id sorts by time: 20261123-134501-1f2e3d."""
    build_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
    folder = home / "work" / build_id
    folder.mkdir(parents=True)
    claim(folder)
    return Build(build_id=build_id, request=request, folder=folder)


def tool_folder(build: Build, key: str) -> Path:
    """Give the work folder of the tool with this key. The path is short: sockets lie below it."""
    return build.folder.parent / "tools" / key.rpartition("/")[2][:24]
