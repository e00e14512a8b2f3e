"""What `import agenthands` offers: the same steps that the command line and the deployments run.

Costs are US dollars, and None where a model has no known price; durations are seconds. Every error that is raised on
purpose is an AgentHandsError of `agenthands.errors`, with `message`, `hint` and `exit_code`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, Unpack

from agenthands.errors import RequestInvalid, StoreNotUsable
from agenthands.events import Event
from agenthands.flows.local_run import build_flow, given_plan_flow, plan_flow, revise_flow, run_here
from agenthands.planning.decisions import Decider, deciding
from agenthands.schemas import BuildOptions, BuildRecord, BuildRequest, GateReport, Plan, RetiredCase
from agenthands.schemas.request import validated_request
from agenthands.settings import load_settings
from agenthands.store.builds import agent_name, all_records, fetch_bundle, find_build, report_of, texts_of
from agenthands.store.data_paths import fill_env
from agenthands.store.fsspec_store import FsspecStore

if TYPE_CHECKING:
    from agenthands.chat import Chat
    from agenthands.planning.cost_estimate import Estimate
    from agenthands.planning.objections import PlanResult
    from agenthands.reports.comparison import Comparison
    from agenthands.schemas.feedback import Correction, FeedbackEntry
    from agenthands.store.removal import Doomed
    from agenthands.trial.base import Finding, ModelTrial
    from agenthands.trying import Reaching, Reality, TriedCase

Listener = Callable[[Event], None]


class Options(TypedDict, total=False):
    """How to build, as `BuildOptions` explains it; what is left out comes from the settings."""

    planner: str | None
    coder: str | None
    agent_model: str | None
    agent_models: dict[str, str] | None
    fallback: str | None
    api_base: str | None
    config: str | None
    store: str | None
    sandbox: str | None
    budget: float | None
    tool_budget: float | None
    budget_tokens: int | None
    price: str | None
    max_attempts: int | None
    parallel: int | None
    openapi: list[str] | None
    allow_host: tuple[str, ...] | None
    refresh: bool
    data: Sequence[str | Path] | None
    data_rows: int | None


class PlannedAgent(NamedTuple):
    """A plan with what the planner cost, and what building it will cost."""

    result: PlanResult
    """`plan`, `cost_usd`, `tokens`, and `answers`: how many the planner gave until one was usable."""
    estimate: Estimate
    """`usd`, and `basis`: a sentence that says on what the figure is based."""


def build(
    request: str, *, plan: Plan | None = None, listener: Listener | None = None, **options: Unpack[Options]
) -> BuildRecord:
    """Build an agent and return the record of the build, as it lies in the store.

    `request` says in a sentence what the agent should be able to do; `options` are those of the command line. The
    record's `status` is "accepted" or "rejected": a tool or a test case that does not pass is a result. `listener` is
    called with each event of the build (`agenthands.events`), from several threads, one event at a time. With a `plan`,
    that one is built instead of the planner being asked, if it can be built.

    Raises UserError where something must be fixed first (no key, a budget reached, ...), OutsideError where something
    outside failed (a provider, a package index, ...), and BuildCancelled; `build_id` of the error names the build whose
    record tells more, if there is one.

    >>> record = build("I want an agent that summarises a column of numbers", budget=2.5)
    >>> record.status
    'accepted'
    """
    asked = _asked(request, options)
    load = partial(given_plan_flow, asked, plan) if plan else partial(build_flow, asked)
    return run_here([asked], load, listener)


def revise(
    agent: str,
    change: str = "",
    *,
    feedback: bool = False,
    confirm: Callable[[Sequence[RetiredCase]], bool] = lambda _: False,
    listener: Listener | None = None,
    **options: Unpack[Options],
) -> BuildRecord:
    """Build a revision of an agent and return its record, whose `parent` is the build that was revised.

    `agent` is found as by `Store.find`; `change` says what is to be different, and with `feedback` all accepted
    feedback is answered. Only what the change concerns is made anew. The agent must pass all test cases that it had and
    the new ones; where the planner says that one no longer holds, `confirm` is asked, and ConfirmationNeeded is raised
    if it returns False. Options that are left out are as the agent was built. Other errors are those of `build`.

    >>> record = revise("data-report", "Say the mean first.")
    >>> record.parent != "", record.tools[0].cached
    (True, True)
    """
    from agenthands.flows.request_files import read_revision

    typed: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    parent, asked = read_revision(agent, change, feedback, typed)
    with deciding(_Confirms(confirm)):
        return run_here([asked], partial(revise_flow, parent, asked, change, feedback, False), listener)


class _Confirms(Decider):
    """Agrees to give up test cases where a function does."""

    def __init__(self, confirm: Callable[[Sequence[RetiredCase]], bool]) -> None:
        self._confirm = confirm

    def retire(self, cases: Sequence[RetiredCase]) -> bool:
        return self._confirm(cases)


def plan(request: str, *, listener: Listener | None = None, **options: Unpack[Options]) -> PlannedAgent:
    """Plan an agent and estimate what building it costs; nothing is built and nothing is published.

    Request, options, listener and errors are those of `build`. Raises PlanRefused, an OutsideError, where the planner's
    answers stayed unusable.

    >>> result, estimate = plan("I want an agent that summarises a column of numbers")
    >>> [tool.name for tool in result.plan.custom_tools]
    ['column_summary']
    """
    asked = _asked(request, options)
    return PlannedAgent(*run_here([asked], partial(plan_flow, asked), listener))


def told_data(paths: Sequence[str | Path], *, data_rows: int | None = None) -> str:
    """Return all that a planner is told of data: their profile, and a sample, keys and personal data masked.

    `paths` are those of files and folders. Nothing is sent anywhere. Raises RequestInvalid where one cannot be read.

    >>> _ = Path("sales.csv").write_text("day,amount\\n1,2.5\\n")
    >>> text = told_data(["sales.csv"], data_rows=0)
    >>> "amount DOUBLE" in text
    True
    """
    from agenthands.planning.user_data import told_data as told
    from agenthands.tasks.data import data_for

    found = data_for(_asked("A look", {"data": list(paths), "data_rows": data_rows}).options())
    if not found:
        raise RequestInvalid("There is no data to show.", "Name it: --data PATH.")
    return told(found)


def check(folder: str | Path, *, tool: str = "", sandbox: str | None = None) -> GateReport:
    """Let the gate judge a tool that lies in a folder, and return its report; no model is asked.

    `folder` holds `spec.json`, `nat_tools/<name>.py` and `tests/test_<name>.py`; or it is a fetched agent, and `tool`
    is the name of one of its tools, which is judged as it is there now. A tool that does not pass is a result:
    the report's `failures()` say why. Raises RequestInvalid where the folder holds no tool, SandboxUnavailable where
    no sandbox of the kind works here, and what installing an environment may raise (an OutsideError).

    >>> report = check("my-tool")
    >>> report.accepted
    True
    """
    from agenthands.gate.gate import check_workspace
    from agenthands.packaging.workspace import tool_workspace
    from agenthands.store.workdirs import use_scratch
    from agenthands.tasks.dependencies import installer_for, sandbox_for

    use_scratch()
    settings = load_settings(_asked("A tool", {"sandbox": sandbox}).options())
    judged_by = installer_for(settings), sandbox_for(settings), settings.gate_seconds
    if not tool:
        return check_workspace(Path(folder), *judged_by)
    with TemporaryDirectory(prefix="check-") as place:
        return check_workspace(tool_workspace(Path(folder), tool, Path(place)), *judged_by)


@contextmanager
def chat(build: str, **options: Unpack[Options]) -> Iterator[Chat]:
    """Open a chat with the agent of a build, found as by `Store.find`, in a sandbox; it ends with the context.

    What the options leave out is as the build was asked for. Raises StoreNotUsable where there is no such agent,
    AgentNotLoaded, ModelNotUsable, SandboxUnavailable.

    >>> with chat("data-report") as talk:
    ...     turn = talk.ask("Summarise 1, 2 and 6.")
    >>> [call.name for call in turn.said.calls]
    ['column_summary']
    """
    from agenthands.chat import open_chat
    from agenthands.store.workdirs import use_scratch

    use_scratch()
    with open_chat(build, _asked("A chat", options).options()) as talk:
        yield talk


def try_agent(
    build: str,
    *,
    agreed: Callable[[Reaching], object],
    allow_writes: bool = False,
    file: str | Path | None = None,
    told: Callable[[TriedCase], object] = lambda _: None,
    **options: Unpack[Options],
) -> Reality:
    """Ask an agent its test cases in the real world, and compare what hosts answer with what its worlds record.

    `build` is found as by `Store.find`. `agreed` is called with all that will be reached before anything is: hosts with
    methods, files, keys; raise an exception in it to stop. Requests that may change something are made only with
    `allow_writes`. `told` hears of each case. The exchanges are written to `file`, without keys and with personal data
    masked. Raises what `chat` raises, and RequestInvalid where the file cannot be written.

    >>> found = try_agent("data-report", agreed=lambda reaching: print(reaching.rights))
    []
    >>> found.verdict
    'nothing_asked'
    """
    from agenthands.store.workdirs import use_scratch
    from agenthands.trying import Trying
    from agenthands.trying import try_agent as try_it

    use_scratch()
    how = Trying(allow_writes, Path(file) if file else None, told)
    return try_it(build, _asked("A trial", options).options(), how, agreed)


def try_models(
    model: str | None = None, *, listener: Callable[[Finding], None] = lambda _: None, **options: Unpack[Options]
) -> ModelTrial:
    """Make one cheap call of each kind that a build needs, and say what works in each role before a build is paid for.

    `model` is tried in every role; without it, the models of the options and settings are tried, each in its own.
    `listener` is called with each finding as it comes. What a model does wrong is a finding. The trial keeps the
    options' budget in US dollars, and its own of tokens. Raises ModelNotUsable (no key, unknown name), SettingsInvalid,
    SandboxUnavailable.

    >>> trial = try_models("hosted_vllm/NAME", api_base="http://localhost:9/v1")  # nobody answers there
    >>> sorted({(finding.role, finding.code) for finding in trial.findings})[-1]
    ('planner', 'model_unavailable')
    """
    from agenthands.llm.budget import Budget
    from agenthands.store.workdirs import use_scratch
    from agenthands.tasks.dependencies import on_trial
    from agenthands.trial.model_trial import MOST_TOKENS, run_trial

    use_scratch()
    if model is not None:
        options = {**options, "planner": model, "coder": model, "agent_model": model}
    settings = load_settings(_asked("A trial", options).options())
    tokens = min(settings.budget_tokens or MOST_TOKENS, MOST_TOKENS)
    return run_trial(on_trial(settings), Budget(usd=settings.budget, tokens=tokens), listener)


class Store:
    """The builds that lie in a store: a folder, or any fsspec URL.

    Every method raises StoreNotUsable where the store or the build cannot be used, and StoreUnavailable where the store
    stopped answering.

    >>> Store().find("data-report").status
    'accepted'
    """

    def __init__(self, url: str | None = None) -> None:
        """Open the store at `url`, or the one of the settings (`AGENTHANDS_STORE`, else ~/.agenthands/store)."""
        self._store = FsspecStore(load_settings(BuildOptions(store=url)).store_url)

    @property
    def url(self) -> str:
        """The URL of the store, or the path of its folder."""
        return self._store.url

    def builds(self, broken: Callable[[StoreNotUsable], object] | None = None) -> Iterator[BuildRecord]:
        """Yield the records of all builds, the newest first.

        One that cannot be read is left out; `broken` is called with an error that names it and says why.
        """
        yield from all_records(self._store, broken)

    def find(self, build: str) -> BuildRecord:
        """Return the record of a build.

        `build` is its id, an unambiguous beginning of it, or an agent's name: that is its newest accepted build.
        """
        return find_build(self._store, build)

    def report(self, record: BuildRecord) -> bytes:
        """Return the report of a build, one HTML page in UTF-8, after comparing it with its hash in the record."""
        return report_of(self._store, record)

    def texts(self, record: BuildRecord) -> dict[str, str]:
        """Return the texts that a build's report shows, by name: sources, tests, gate reports, transcripts, README."""
        return texts_of(self._store, record)

    def history(self, agent: str) -> list[BuildRecord]:
        """Return all builds of an agent, the newest first; `agent` is its name, or found as by `find`."""
        name = agent_name(self.find(agent))
        return [record for record in self.builds() if agent_name(record) == name]

    def diff(self, before: str, after: str) -> Comparison:
        """Return what differs between two builds, found as by `find`: plan, code, test cases, cost."""
        from agenthands.reports.comparison import compared

        one, other = self.find(before), self.find(after)
        return compared(one, other, self.texts(one), self.texts(other))

    def feedback(self, agent: str = "") -> list[FeedbackEntry]:
        """Return what users said of an agent's answers, or of all agents', and what became of it; the oldest first."""
        from agenthands.store.feedback import agents_with_feedback, entries_of, settle_feedback

        entries: list[FeedbackEntry] = []
        for name in [agent] if agent else agents_with_feedback(self._store):
            settle_feedback(self._store, name)
            entries += entries_of(self._store, name)
        return sorted(entries, key=lambda entry: entry.feedback.id)

    def accept(self, feedback: str, correction: Correction | None = None) -> FeedbackEntry:
        """Have the next revision answer a feedback, named by its id or a beginning of it, and return it so.

        `correction` says what is right instead: an answer, or the result of a tool for some arguments; those that it
        leaves out are those of the agent's own call. Raises RequestInvalid where it is accepted already, or where the
        agent did not call the tool.
        """
        from agenthands.schemas.feedback import Correction
        from agenthands.store.feedback import accept_feedback, find_feedback, with_arguments

        entry = find_feedback(self._store, feedback)
        return accept_feedback(self._store, entry, with_arguments(entry.feedback, correction or Correction()))

    def remove(self, build: str) -> BuildRecord:
        """Remove a build with all its files, and return its record; `build` is its id, or the beginning of it.

        Raises RequestInvalid where `build` is an agent's name: that means another build tomorrow.
        """
        from agenthands.store.removal import remove_build

        record = self.find(build)
        if not record.build_id.startswith(build):
            raise RequestInvalid(
                f"{build!r} is an agent's name.", f"Give the id of a build, such as {record.build_id}."
            )
        remove_build(self._store, record)
        return record

    def prunable(self, days: float, *, results: bool = False) -> list[Doomed]:
        """Return what can be removed, the call `remove()` of each does it: builds that began so many `days` ago, what
        interrupted removals left, environments of this machine that no build names, and with `results` all kept
        results. The newest accepted build of each agent stays, with those of which it is a revision.
        """
        from agenthands.environments.uv import nat_digest
        from agenthands.store.removal import half_builds, kept_results, old_builds, unused_environments

        records = list(self.builds())
        used = {record.environment_lock_sha256 or "" for record in records} | {nat_digest()}
        used |= {pin.lock_sha256 for record in records for pin in record.mcp_servers}
        found = [*old_builds(self._store, days), *half_builds(self._store)]
        found += kept_results(self._store) if results else []
        return [*found, *unused_environments(load_settings().home, used)]

    def fetch(self, build: str, folder: str | Path, *, rejected: bool = False) -> list[str]:
        """Unpack the agent of a build, found as by `find`, into a folder that is new or empty; whole or not at all.

        Where the build was made for data that lie on this machine, `.env` has their paths: the package itself tells
        nobody where they lie. Returns the variables that were set in it.

        Raises RequestInvalid where the folder is not empty or cannot be written, and where the agent was rejected,
        unless `rejected` says that it is wanted as it is.
        """
        fetch_bundle(self._store, build, Path(folder), rejected)
        return fill_env(Path(folder), find_build(self._store, build))


def _asked(request: str, options: Options) -> BuildRequest:
    values: dict[str, Any] = {"request": request, **options}
    return validated_request(values, "The options")
