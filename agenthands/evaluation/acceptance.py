"""Runs the packaged agent against the plan's test cases, in a sandbox that contains only the agent's own files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from agenthands._util.formatting import one_line
from agenthands._util.untrusted_json import read_scrubbed
from agenthands.evaluation.agent_world import in_worlds, worlds_together
from agenthands.evaluation.case_checks import failed_tools
from agenthands.evaluation.case_verdict import Verdict, unreached
from agenthands.evaluation.installed_agent import LOAD_SECONDS, InstalledAgent, Reach, agent_command
from agenthands.llm.base import ChatModel
from agenthands.llm.gateway.base import GatewayUsage
from agenthands.sandbox.base import CommandResult, Sandbox
from agenthands.schemas import Acceptance, TestCase

MODEL_CALLS = "model-calls.jsonl"
_JUDGES = 4
_TOGETHER = 4


class _Call(BaseModel):
    """One call of a tool or a colleague, as `nat_steps.py` reads it."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: str
    by: str
    arguments: Any
    result: Any
    error: str
    exception: str
    refused: bool
    at: float
    seconds: float | None


class _Said(BaseModel):
    """The run's report of one case; further keys go into the transcript."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    id: str
    answer: str
    error: str
    called: list[str]
    calls: list[_Call]
    seconds: float


class _Outcome(BaseModel):
    """The report of the run, from `agent_script.py`."""

    loaded: bool
    error: str
    cases: list[_Said]


def accept_agent(
    agent: InstalledAgent,
    cases: Sequence[TestCase],
    sandbox: Sandbox,
    reach: Reach,
    judge: ChatModel,
    case_seconds: float,
) -> Acceptance:
    """Load the agent with everything that it uses, ask it every test case, and return the acceptance.

    `reach` is its only network; `case_seconds` limits each case. An agent that does not load, answers wrongly or lets
    a tool fail is a result. `judge` gives an opinion on each answer. The transcripts are written below the workspace.
    The cost is not in the result: the budget scopes of the gateway and of `judge` have it. Raises SandboxLost.
    """
    outcome, seconds = _asked_in_worlds(agent, cases, sandbox, reach, case_seconds)
    usage = reach.gateway.usage
    answers: list[dict[str, Any]] = outcome["cases"]
    verdicts = [Verdict.of(case, answer, agent.parts, reach) for case, answer in zip(cases, answers, strict=False)]
    with ThreadPoolExecutor(_JUDGES) as threads:
        opinions = list(threads.map(lambda verdict: verdict.opinion_of(judge), verdicts))
    results = [verdict.result(opinion) for verdict, opinion in zip(verdicts, opinions, strict=True)]
    _keep_transcripts(agent.workspace / "transcripts", answers, usage)
    failed = [each.id for each in results if each.outcome == "failed"]
    finished = bool(outcome["loaded"]) and len(results) == len(cases) and not failed and not outcome["error"]
    passed = finished and any(each.outcome == "passed" for each in results)
    return Acceptance(
        passed=passed,
        reason=outcome["error"] or why_rejected(failed, len(cases), usage.errors) or ("" if passed else _UNTRIED),
        reason_code="" if passed else "no_case_tried" if finished else _code(outcome, bool(failed)),
        cases=results,
        seconds=seconds,
        by_fallback=usage.by_fallback or any(each.by_fallback for each in opinions if each),
        unreached=unreached(agent.parts, answers) if reach.lacked else [],
    )


def _asked_in_worlds(
    agent: InstalledAgent, cases: Sequence[TestCase], sandbox: Sandbox, reach: Reach, case_seconds: float
) -> tuple[dict[str, Any], float]:
    """Ask the cases, those of one world after those of another, and return the whole outcome and how long it took.

    The agent is loaded anew in each world, in one process as far as all that it uses runs in it. What fails to load
    ends it.
    """
    said: dict[str, Any] = {}
    outcome: dict[str, Any] = {"loaded": True, "error": "", "cases": []}
    seconds = 0.0
    names = list(dict.fromkeys(case.world for case in cases))
    for number, group in enumerate(worlds_together(names, agent.tools, apart=bool(agent.servers))):
        some = [case for name in group for case in cases if case.world == name]
        with in_worlds(group, agent.tools, agent.workspace / "worlds" / str(number)) as worlds:
            request = {
                "cases": [_asked(case) for case in some],
                "seconds": case_seconds,
                "together": 1 if agent.parts.alone else _TOGETHER,
                "worlds": worlds.told,
            }
            limit = LOAD_SECONDS * len(group) + case_seconds * len(some)
            result = sandbox.run(worlds.around(agent_command(agent, reach, request, limit)))
        outcome = _outcome(result, [case.id for case in some])
        seconds += result.seconds
        said |= {each["id"]: each for each in outcome["cases"]}
        if not outcome["loaded"]:
            outcome["error"] = f"NAT cannot load the agent: {outcome['error']}"
            (agent.workspace / "load-error.txt").write_bytes(result.stderr[-100_000:])
        if outcome["error"] or not outcome["loaded"]:
            break
    asked = list(takewhile(lambda case: case.id in said, cases))
    return {**outcome, "cases": [said[case.id] for case in asked]}, round(seconds, 3)


def _asked(case: TestCase) -> dict[str, Any]:
    return {"id": case.id, "query": case.query, "messages": case.messages(), "world": case.world}


_UNTRIED = "no test case could be tried: all of them need the network"


def outcome_sentence(accepted: Acceptance, planned: int) -> str:
    """Return how many test cases passed, which failed and which were not tried, or why none was asked."""
    if not accepted.cases:
        return one_line(accepted.reason, 200) or "no test case was asked"
    said = [f"{len(accepted.ended('passed'))} of {planned} test cases passed"]
    for outcome, words in (("failed", "failed"), ("not_tried", "not tried without the network")):
        if ids := [case.id for case in accepted.cases if case.outcome == outcome]:
            said.append(f"{words}: {', '.join(ids)}")
    return "; ".join(said)


def _outcome(result: CommandResult, ids: Sequence[str]) -> dict[str, Any]:
    """Return the run's report, validated, because code that a model wrote ran in the same process."""
    try:
        outcome = _Outcome.model_validate(read_scrubbed(result.stdout)).model_dump()
        if [each["id"] for each in outcome["cases"]] != list(ids[: len(outcome["cases"])]):
            raise ValueError
    except ValueError:
        ended = "at the time limit" if result.timed_out else f"with exit code {result.exit_code}"
        return {"loaded": False, "error": f"the run ended {ended}", "cases": []}
    return outcome


def _code(outcome: Mapping[str, Any], failed: bool) -> str:
    if not outcome["loaded"]:
        return "agent_not_loaded"
    return "cases_failed" if failed and not outcome["error"] else "agent_run_ended"


def why_rejected(failed: Sequence[str], total: int, faults: Sequence[str]) -> str:
    """Return which test cases failed, with the last fault of the model itself; empty if none failed."""
    if not failed:
        return ""
    said = f"{len(failed)} of {total} test cases failed: {', '.join(failed)}"
    return f"{said}. The last fault of the agent's model: {faults[-1].rstrip('.')}" if faults else said


def _keep_transcripts(folder: Path, answers: Sequence[Mapping[str, Any]], usage: GatewayUsage) -> None:
    """Write the transcript of each case, and the gateway's log, one model call a line."""
    folder.mkdir(exist_ok=True)
    log = "".join(json.dumps(call.as_json()) + "\n" for call in usage.calls)
    (folder / MODEL_CALLS).write_text(log, encoding="utf-8")
    for answer in answers:
        kept = {**answer, "failed": failed_tools(answer["calls"])}
        (folder / f"{answer['id']}.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")
