"""Begins a revision, takes over what stays of the build that it revises, and ends the feedback that it answers."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from agenthands._version import __version__
from agenthands.environments.base import Environment
from agenthands.errors import AgentHandsError, RequestInvalid, StoreNotUsable
from agenthands.evaluation.feedback_wish import wish_of_user
from agenthands.events import Notice, emit
from agenthands.gate.checks.files import tests_path, tool_path
from agenthands.planning.objections import Beginning
from agenthands.planning.planner import checked_request
from agenthands.schemas import BuildOptions, BuildRecord, BuildRequest, Lineage, Plan, ToolOutcome
from agenthands.schemas.feedback import FeedbackEntry
from agenthands.schemas.request import options_as_built
from agenthands.settings import Settings
from agenthands.store.base import Store
from agenthands.store.builds import file_of, find_build
from agenthands.store.feedback import entries_of, note_fixed, settle_feedback
from agenthands.store.workdirs import BuildContext
from agenthands.tasks import dependencies

_MOST_BACKGROUND = 20


def begin_revision(
    agent: str, change: str, with_feedback: bool, options: BuildOptions
) -> tuple[BuildRequest, Beginning]:
    """Return the request of the build that is revised, with the options of this one, and how the revision begins.

    `agent` is a build's id or an agent's name, as `find_build` takes it. `with_feedback` has the planner answer all
    accepted feedback. Raises StoreNotUsable where there is no such agent, RequestInvalid where nothing is wished.
    """
    store = dependencies.store_for(dependencies.settings_for(options))
    parent = find_build(store, agent)
    if parent.plan is None:
        raise StoreNotUsable(f"The build {parent.build_id} has no plan to revise.", "Build it: agenthands build ...")
    change = checked_request(change) if change.strip() else ""
    accepted, others = _feedback(store, parent.plan.name) if with_feedback else ([], [])
    if not change and not accepted:
        raise RequestInvalid(
            f"There is no accepted feedback on {parent.plan.name}, and no change is asked for.",
            "`agenthands feedback list` shows what there is, `agenthands feedback accept ID` accepts it.",
        )
    lineage = Lineage(
        parent=parent.build_id,
        revision=parent.revision + 1,
        change=change,
        feedback=[each.feedback.id for each in accepted],
    )
    wish = wish_of_user(parent.plan, change, accepted, others)
    given = options_as_built(parent.request, options).model_dump()
    return BuildRequest(**given, request=parent.request.request), Beginning(wish, lineage, parent)


def _feedback(store: Store, agent: str) -> tuple[list[FeedbackEntry], list[FeedbackEntry]]:
    """Return the accepted feedback on an agent, and the last of what nobody has decided on."""
    settle_feedback(store, agent)
    entries = entries_of(store, agent)
    still_open = [each for each in entries if each.state == "open"]
    return [each for each in entries if each.state == "accepted"], still_open[-_MOST_BACKGROUND:]


@task(task_run_name="note-fixed", cache_policy=NO_CACHE)
def note_feedback_fixed(build: BuildContext, record: BuildRecord) -> None:
    """Note that an accepted revision has answered its feedback; what a store does not take now is noted later."""
    try:
        note_fixed(dependencies.store_for(dependencies.settings_for(build.request.options())), record)
    except AgentHandsError as error:
        emit(Notice(build.build_id, f"The feedback is not marked as fixed yet. {error.message}"))


@task(task_run_name="take-over", cache_policy=NO_CACHE)
def take_over_tools(
    build: BuildContext, parent: BuildRecord, plan: Plan, environment: Environment
) -> list[ToolOutcome]:
    """Put the tools of the earlier build that stay as they are into this build's folder, and return their outcomes.

    A tool stays if neither its specification nor its environment changes: it passed the gate of this version. With
    `refresh`, or where another version made the earlier build, none does: what is cached decides.
    """
    settings = dependencies.settings_for(build.request.options())
    same = (
        parent.environment_lock_sha256 == environment.lock_sha256 and parent.versions.get("agenthands") == __version__
    )
    if parent.plan is None or settings.refresh or not same:
        return []
    before = {tool.name: tool for tool in parent.plan.custom_tools}
    staying = {tool.name for tool in plan.custom_tools if before.get(tool.name) == tool}
    made = [each for each in parent.tools if each.status == "accepted" and each.name in staying]
    return [outcome.from_before() for outcome in made if _copied(build, parent, outcome.name, settings)]


def _copied(build: BuildContext, parent: BuildRecord, tool: str, settings: Settings) -> bool:
    """Copy a tool's files from the store; return whether all of them are there as they were published."""
    store = dependencies.store_for(settings)
    files = {
        name: file_of(store, parent, f"tools/{tool}/{name}")
        for name in ("spec.json", tool_path(tool), tests_path(tool))
    }
    if any(content is None for content in files.values()):
        return False
    for name, content in files.items():
        path = build.tool_dir(tool) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content or b"")
    return True
