"""How one tool comes about: generate, validate, and repair until the gate accepts it."""

from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture, wait
from prefect.task_runners import ThreadPoolTaskRunner

from agenthands.arbitration import Arbitration, contradictions, corrections
from agenthands.coding import Rejection, outcome_of
from agenthands.errors import AgentHandsError
from agenthands.events import ToolProgress, emit, stage
from agenthands.models import CustomTool, Plan, Tokens, ToolOutcome
from agenthands.ports import Environment
from agenthands.workplace import Build
from tasks.arbitrate import arbitrate_examples
from tasks.generate import generate_tool
from tasks.validate import validate_tool, with_rulings
from tasks.wiring import settings_for


@flow(name="build-tool", flow_run_name="build-{tool.name}", validate_parameters=False)
def build_tool(build: Build, tool: CustomTool, environment: Environment, tools: int) -> ToolOutcome:
    """Give what became of one tool; a tool that the gate rejects to the end is a result."""
    attempts = settings_for(build.request.options()).max_attempts
    turns: list[Any] = []
    ruled: Arbitration | None = None
    for attempt in range(1, attempts + 1):
        rejection = Rejection(*turns[-1]) if turns else None
        coding = generate_tool(build, tool, environment, attempt, rejection, tools)
        report = validate_tool(build, tool, environment, attempt, ruled.rulings if ruled else ())
        if ruled is None and contradictions(report):
            ruled = arbitrate_examples(build, tool, report, attempt)
            if corrections(ruled.rulings):
                report = validate_tool(build, tool, environment, attempt, ruled.rulings)
            else:
                report = with_rulings(build, report, attempt, ruled.rulings)
        turns.append((coding, report))
        if report.accepted:
            break
    outcome = outcome_of(tool.name, turns, ruled)
    said = outcome.reason or "accepted by the gate"
    emit(ToolProgress(build.build_id, tool.name, outcome.status, said, outcome.attempts, outcome.cost_usd))
    return outcome


@task(name="tool", task_run_name="tool-{tool.name}", cache_policy=NO_CACHE)
def one_tool(build: Build, tool: CustomTool, environment: Environment, tools: int) -> ToolOutcome:
    """Run the flow of one tool in a thread."""
    return build_tool(build, tool, environment, tools)


def build_tools(build: Build, plan: Plan, environment: Environment) -> tuple[list[ToolOutcome], AgentHandsError | None]:
    """Build all tools at once, as many as the settings allow; one that fails does not disturb the others.

    Gives an outcome for each tool, and the first error of a tool that neither passed nor was rejected.
    """
    count = len(plan.custom_tools)
    parallel = settings_for(build.request.options()).parallel
    for tool in plan.custom_tools:
        emit(ToolProgress(build.build_id, tool.name, "waiting", "", 0))
    threads: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=parallel)
    with stage(build.build_id, "tools") as note, threads as runner:
        futures: list[PrefectFuture[Any]] = [
            runner.submit(one_tool, {"build": build, "tool": tool, "environment": environment, "tools": count})
            for tool in plan.custom_tools
        ]
        wait(futures)
        results = [future.result(raise_on_failure=False) for future in futures]
        outcomes = [_outcome(build, tool.name, result) for tool, result in zip(plan.custom_tools, results, strict=True)]
        accepted = sum(outcome.status == "accepted" for outcome in outcomes)
        note.detail = f"{accepted} of {count} tools accepted"
    return outcomes, next((result for result in results if isinstance(result, AgentHandsError)), None)


def _outcome(build: Build, tool: str, result: Any) -> ToolOutcome:
    if isinstance(result, ToolOutcome):
        return result
    if not isinstance(result, AgentHandsError):
        raise result
    emit(ToolProgress(build.build_id, tool, "failed", result.message, 0, None))
    return ToolOutcome(
        name=tool,
        status="failed",
        attempts=0,
        reason=result.message,
        cost_usd=None,
        tokens=Tokens(),
        seconds=0,
    )
