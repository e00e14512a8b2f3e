"""How one tool comes about: generate, validate, and repair until the gate accepts it."""

from collections.abc import Mapping
from typing import Any

from prefect import flow, task
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.transactions import CommitMode, transaction

from agenthands.coding.arbitration import Arbitration, contradictions, corrections
from agenthands.coding.tool_coder import BUDGET, Feedback, is_written, no_progress, outcome_of
from agenthands.environments.base import Environment
from agenthands.error_mapping import as_agenthands_error
from agenthands.errors import AgentHandsError
from agenthands.events import ToolProgress, emit, stage
from agenthands.schemas import Plan, Tokens, ToolArtifact, ToolOutcome
from agenthands.store.cache_keys import key_with_fallback, tool_key
from agenthands.store.workdirs import BuildContext, ToolWorkspace
from agenthands.tasks.code import (
    code_tool,
    collect_artifacts,
    compile_tool,
    create_workspace,
    open_workspace,
    out_of_budget,
    remove_if_cached,
    remove_workspace,
    reuse_artifact,
    suspend,
)
from agenthands.tasks.dependencies import settings_for
from agenthands.tasks.gate import arbitrate_examples, judge_tool, with_rulings
from agenthands.tasks.result_cache import (
    cached,
    load_fallback_result,
    result_of,
    store_fallback_result,
    uncached_rejection,
)


@flow(name="build-tool", flow_run_name="build-{work.tool.name}", validate_parameters=False)
def build_tool(work: ToolWorkspace) -> ToolOutcome:
    """Return what became of one tool; a tool that the gate rejects to the end is a result.

    A compiled tool is judged as any other, and no model is asked about it.

    Where an earlier worker died over the same tool, or a budget ended it, its finished attempts count and its last one
    goes on.
    """
    if work.tool.operation:
        compiled = compile_tool(work)
        return outcome_of(work, [(compiled, judge_tool(work, 1, ()))])
    attempts = settings_for(work.build.request.options()).max_attempts
    turns: list[Any] = []
    ruled: Arbitration | None = None
    stopped = budget = ""
    for attempt in range(1, attempts + 1):
        budget = out_of_budget(work) if turns else ""
        if stopped := BUDGET if budget else no_progress(turns, is_written(work)):
            break
        coding = code_tool(work, attempt, Feedback(*turns[-1]) if turns else None)
        report = judge_tool(work, attempt, ruled.rulings if ruled else ())
        if ruled is None and contradictions(report):
            ruled = arbitrate_examples(work, report, attempt)
            if corrections(ruled.rulings):
                report = judge_tool(work, attempt, ruled.rulings)
            else:
                report = with_rulings(work, report, attempt, ruled.rulings)
        turns.append((coding, report))
        if report.accepted:
            break
    finished = turns[-1][0].status != "out_of_budget"
    if not turns[-1][1].accepted and (budget or not finished):
        suspend(work, len(turns), finished)
    return outcome_of(work, turns, ruled, stopped, budget)


@task(name="tool", task_run_name="tool-{work.tool.name}")
def make_tool(work: ToolWorkspace) -> ToolArtifact:
    """Run the flow of one tool in a thread. A rejected tool is a failed run, and is not kept for other builds.

    One in which a fallback had a part is kept apart, for builds with the same fallback.
    """
    settings = settings_for(work.build.request.options())
    if found := load_fallback_result(work.key_with_fallback, ToolArtifact, settings):
        return found.model_copy(update={"outcome": found.outcome.from_before()})
    create_workspace(work, settings.refresh)
    with transaction(commit_mode=CommitMode.EAGER):  # an attempt counts at once, not only with the whole tool
        try:
            outcome = build_tool(work)
        finally:  # not later: where this raises, the end of the transaction frees the tool's lock
            files = collect_artifacts(work)
    made = ToolArtifact(outcome=outcome, files=files)
    if outcome.status == "accepted":
        return store_fallback_result(work.key_with_fallback, made, settings) if work.stand_in.exists() else made
    remove_workspace(work)
    return uncached_rejection(made, outcome.reason)


def build_tools(
    build: BuildContext, plan: Plan, environment: Environment, kept: Mapping[str, ToolOutcome]
) -> tuple[list[ToolOutcome], Exception | None]:
    """Build all tools at once, as many as the settings allow; one that fails does not disturb the others.

    Those in `kept` were made by this build before, and stay as they are. Returns an outcome for each tool, and the
    first error of a tool that neither passed nor was rejected.
    """
    settings = settings_for(build.request.options())
    models, prompt = (settings.model("coder"), settings.model("planner")), settings.model_config_file().agent.text
    tools = [tool for tool in plan.custom_tools if tool.name not in kept]
    keys = [tool_key(tool, *models, prompt, environment.lock_sha256) for tool in tools]
    count = len(plan.custom_tools)
    works = [
        open_workspace(build, tool, environment, key, key_with_fallback(key, *models))
        for tool, key in zip(tools, keys, strict=True)
    ]
    for tool in tools:
        emit(ToolProgress(build.build_id, tool.name, "waiting", "", 0))
    threads: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=settings.parallel)
    with stage(build.build_id, "tools") as note, threads as runner:
        futures: list[PrefectFuture[Any]] = [
            runner.submit(cached(make_tool, key, settings), {"work": work})
            for work, key in zip(works, keys, strict=True)
        ]
        asked = dict(zip(futures, zip(works, keys, strict=True), strict=True))
        settled = {future: _settled(*asked[future], future) for future in as_completed(futures)}
        made, errors = zip(*(settled[future] for future in futures), strict=True) if futures else ((), ())
        found = {**kept, **{outcome.name: outcome for outcome in made}}
        outcomes = [found[tool.name] for tool in plan.custom_tools]
        note.detail = f"{sum(outcome.status == 'accepted' for outcome in outcomes)} of {count} tools accepted"
    return outcomes, next(filter(None, errors), None)


def _settled(work: ToolWorkspace, key: str, future: PrefectFuture[Any]) -> tuple[ToolOutcome, Exception | None]:
    future.wait()  # from here on it knows its state without asking the API
    try:
        made, from_before = result_of(future.state)
    except Exception as error:  # one tool with a fault of ours does not end the others
        return _failed(work, as_agenthands_error(error)), error
    from_before = from_before or made.outcome.cached
    if from_before:
        outcome = reuse_artifact(work.build, made)
    else:
        outcome = made.outcome
        if outcome.status == "accepted":
            remove_if_cached(work, key)
    said = outcome.reason or f"accepted by the gate{' before' if from_before else ''}"
    emit(ToolProgress(work.build.build_id, outcome.name, outcome.status, said, outcome.attempts, outcome.cost_usd))
    return outcome, None


def _failed(work: ToolWorkspace, error: AgentHandsError) -> ToolOutcome:
    emit(ToolProgress(work.build.build_id, work.tool.name, "failed", error.message, 0, None))
    return ToolOutcome(
        name=work.tool.name,
        status="failed",
        attempts=0,
        reason=error.message,
        reason_code=error.code,
        cost_usd=None,
        tokens=Tokens(),
        seconds=0,
    )
