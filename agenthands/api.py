"""What `import agenthands` offers: the same steps that the command line and the deployments run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agenthands.events import Event
from agenthands.schemas import BuildOptions, BuildRecord, BuildRequest, GateReport
from agenthands.schemas.request import validated_request
from agenthands.settings import load_settings
from agenthands.store.builds import all_records, fetch_bundle, find_build, report_of
from agenthands.store.fsspec_store import FsspecStore

if TYPE_CHECKING:
    from agenthands.planning.cost_estimate import Estimate
    from agenthands.planning.planner import PlanResult

Listener = Callable[[Event], None]


def build(request: str, *, listener: Listener | None = None, **options: Any) -> BuildRecord:
    """Build the agent that `request` describes and return the published record, whether accepted or rejected.

    `options` are the fields of `BuildOptions`: `planner="gemini/gemini-2.5-pro"`, `budget=2.5` (US dollars), ...
    `listener` is called with each event of the build (`agenthands.events`), from any thread.
    Raises UserError where something must be fixed first, and OutsideError where something outside failed.
    """

    def load() -> Callable[[], BuildRecord]:
        from agenthands.flows.build_agent import build_agent

        return partial(build_agent, asked.request, asked.options())

    asked = _asked(request, options)
    return _run(asked, load, listener)


def plan(request: str, *, listener: Listener | None = None, **options: Any) -> tuple[PlanResult, Estimate]:
    """Plan the agent that `request` describes, and estimate what building it costs; nothing is built.

    Returns the plan with what it cost, and the estimate in US dollars. Options, listener and errors are those of
    `build`; PlanRefused where the planner's answers stayed unusable.
    """

    def load() -> Callable[[], tuple[PlanResult, Estimate]]:
        from agenthands.flows.plan_agent import plan_only

        return partial(plan_only, asked.request, asked.options())

    asked = _asked(request, options)
    return _run(asked, load, listener)


def check(folder: str | Path, *, sandbox: str | None = None) -> GateReport:
    """Let the gate judge the tool in `folder` (spec.json, nat_tools/, tests/) and return its report.

    `sandbox` is a name of `agenthands.sandbox.registry.SANDBOXES`. A tool that does not pass is a result. Raises
    RequestInvalid where the folder holds no tool, and SandboxUnavailable.
    """
    from agenthands.gate.gate import check_workspace
    from agenthands.store.workdirs import use_scratch
    from agenthands.tasks.dependencies import installer_for, sandbox_for

    use_scratch()
    settings = load_settings(BuildOptions.model_validate({"sandbox": sandbox}))
    return check_workspace(Path(folder), installer_for(settings), sandbox_for(settings), settings.gate_seconds)


class Store:
    """The builds of a store: a folder or any fsspec URL. All methods raise StoreNotUsable and StoreUnavailable."""

    def __init__(self, url: str | None = None) -> None:
        """Open the store at `url`, or the one of the settings (`AGENTHANDS_STORE`, ~/.agenthands/store)."""
        self._store = FsspecStore(load_settings(BuildOptions(store=url)).store_url)

    @property
    def url(self) -> str:
        """Where the store is."""
        return self._store.url

    def builds(self) -> Iterator[BuildRecord]:
        """Yield the records of all builds, newest first."""
        yield from all_records(self._store)

    def find(self, build: str) -> BuildRecord:
        """Return the record of a build, by its id or by its agent's name, which finds the latest."""
        return find_build(self._store, build)

    def report(self, record: BuildRecord) -> bytes:
        """Return the report of a build, as one HTML page in UTF-8."""
        return report_of(self._store, record)

    def fetch(self, build: str, folder: str | Path) -> None:
        """Unpack the agent of a build, found as by `find`, into a new folder."""
        fetch_bundle(self._store, build, Path(folder))


def _asked(request: str, options: dict[str, Any]) -> BuildRequest:
    return validated_request({"request": request, **options}, "The options")


def _run[T](request: BuildRequest, load: Callable[[], Callable[[], T]], listener: Listener | None) -> T:
    from agenthands.flows.local_run import run_here

    return run_here([request], load, listener)
