"""One turn of the real coder, against a model server of a test."""

from pathlib import Path

from conftest_paths import TEST_HOME
from patience import patient

from agenthands.coding.base import CodingTask
from agenthands.coding.openhands.agent import OpenHandsCoder
from agenthands.errors import OutsideError
from agenthands.llm.budget import Budget, BudgetTracker
from agenthands.llm.settings import ModelSettings
from agenthands.sandbox.base import Command


class AwayOnce:
    """A budget of the day whose first payment fails."""

    def __init__(self):
        self.asked = 0

    def left(self):
        return True

    def charge(self, usd):
        self.asked += 1
        if self.asked == 1:
            raise OutsideError("Prefect is away.")


class Turns:
    """Works on one tool, turn after turn; `tracker` pays."""

    def __init__(self, folder: Path, sandbox, budget=None, day=None):
        self.folder, self.sandbox = folder, sandbox
        self.workspace = folder / "workspace"
        for name in ("nat_tools", "tests"):
            (self.workspace / name).mkdir(parents=True)
        (self.workspace / "spec.json").write_text("{}")
        self.tracker = BudgetTracker(budget or Budget(), day)
        self.attempt = 0

    def work(self, url, model="openai/scripted", message="", steps=12, seconds=None, **settings):
        """Do one turn; what a test waits for is short."""
        self.attempt += 1
        values = {"api_key": "k", "api_base": url, "retry_seconds": 0, "timeout": patient(20), **settings}
        task = f"Tool: column_summary\nWorkspace: {self.workspace}\n"
        return OpenHandsCoder(ModelSettings(model=model, **values), TEST_HOME).work(
            CodingTask(
                build_id="b",
                tool="column_summary",
                attempt=self.attempt,
                system_prompt="Write the tool.",
                message=message or (task if self.attempt == 1 else f"The gate rejected it, {self.attempt}."),
                workspace=self.workspace,
                conversation=self.folder / "conversation",
                shell=self.sandbox.shell(Command((), self.workspace), self.folder / "shell"),
                seconds=seconds or patient(60),
                steps=steps,
                scope=self.tracker.scope("tools", "column_summary", self.attempt),
                stand_in=self.folder / "fallback-x",
            )
        )

    def files(self):
        return sorted(path.name for path in self.workspace.rglob("*.py"))
