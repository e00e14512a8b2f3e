"""Runs the packaged agent against the plan's test cases, in a sandbox that contains only the agent's own files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from agenthands._util.formatting import one_line
from agenthands._util.json_values import same_json
from agenthands._util.untrusted_json import read_json, read_scrubbed, regex_found
from agenthands.environments.base import Environment
from agenthands.evaluation.case_reason import why_failed
from agenthands.evaluation.llm_judge import Judged, judge_answer
from agenthands.llm.base import ChatModel
from agenthands.llm.gateway.base import GatewayUsage, OpenGateway
from agenthands.sandbox.base import Command, CommandResult, Limits, Sandbox
from agenthands.schemas import Acceptance, CaseCheck, CaseResult, CheckResult, TestCase

MODEL_CALLS = "model-calls.jsonl"
_SCRIPT = Path(__file__).parent / "agent_script.py"
_LOAD_SECONDS = 120.0
_JUDGES = 4
_WORKFLOW = "<workflow>"  # what NAT calls the agent itself among its functions


@dataclass(frozen=True)
class InstalledAgent:
    """An installed package: `site` holds the installed wheel, `config` is NAT's YAML file.

    `variables` are placeholders for what its MCP servers require from their user.
    """

    workspace: Path
    site: Path
    config: Path
    environment: Environment
    servers: Mapping[str, Environment]
    variables: Mapping[str, str] = field(default_factory=dict)


class _Said(BaseModel):
    """The run's report of one case; further keys go into the transcript."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    id: str
    answer: str
    error: str
    called: list[str]
    failed: list[str]
    seconds: float


class _Outcome(BaseModel):
    """The report of the run, from `agent_script.py`."""

    loaded: bool
    error: str
    cases: list[_Said]


@dataclass(frozen=True)
class Reach:
    """What the agent may reach: its model through `gateway`, and the listed hosts through the proxy at `egress`."""

    gateway: OpenGateway
    egress: Path | None = None


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
    request = {
        "config": str(agent.config),
        "cases": [{"id": case.id, "query": case.query} for case in cases],
        "seconds": case_seconds,
    }
    result = sandbox.run(
        Command(
            argv=[str(agent.environment.python), "-P", str(_SCRIPT)],
            workspace=agent.workspace,
            read_only=[agent.environment.path, *(each.path for each in agent.servers.values()), _SCRIPT],
            variables={
                **agent.variables,
                "PYTHONPATH": str(agent.site),
                "PYTHONDONTWRITEBYTECODE": "1",
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                "AGENT_MODEL": "openai/agent",
                "AGENT_MCP_HOME": str(_mcp_home(agent)),
                "OPENAI_API_BASE": "{model_url}",
                "OPENAI_API_KEY": reach.gateway.token,
            },
            stdin=json.dumps(request).encode(),
            limits=Limits(
                seconds=_LOAD_SECONDS + case_seconds * len(cases),
                memory_bytes=16 * 1024**3,
                output_bytes=8 * 1024**2,
            ),
            network="egress" if reach.egress else "model",
            model_socket=reach.gateway.socket,
            egress_socket=reach.egress,
        )
    )
    outcome = _outcome(result, [case.id for case in cases])
    if not outcome["loaded"]:
        outcome["error"] = f"NAT cannot load the agent: {outcome['error']}"
        (agent.workspace / "load-error.txt").write_bytes(result.stderr[-100_000:])
    usage = reach.gateway.usage
    answers: list[dict[str, Any]] = outcome["cases"]
    with ThreadPoolExecutor(_JUDGES) as threads:
        opinions = list(threads.map(lambda case, answer: _opinion(case, answer, judge), cases, answers))
    results = [judge_case(*each) for each in zip(cases, answers, opinions, strict=False)]
    _keep_transcripts(agent.workspace / "transcripts", answers, usage)
    failed = [each.id for each in results if not each.passed]
    passed = bool(outcome["loaded"]) and len(results) == len(cases) and not failed and not outcome["error"]
    return Acceptance(
        passed=passed,
        reason=outcome["error"] or why_rejected(failed, len(cases), usage.errors),
        reason_code="" if passed else _code(outcome, bool(failed)),
        cases=results,
        seconds=result.seconds,
        by_fallback=usage.by_fallback or any(each.by_fallback for each in opinions if each),
    )


def outcome_sentence(accepted: Acceptance, planned: int) -> str:
    """Return how many test cases passed and which failed, or why none was asked."""
    if not accepted.cases:
        return one_line(accepted.reason, 200) or "no test case was asked"
    failed = [case.id for case in accepted.cases if not case.passed]
    said = f"{len(accepted.cases) - len(failed)} of {planned} test cases passed"
    return f"{said}; failed: {', '.join(failed)}" if failed else said


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


def judge_case(case: TestCase, answer: Mapping[str, Any], judged: Judged | None) -> CaseResult:
    """Decide one case by its checks, or by the judge's opinion if it has none.

    An error, a tool whose last call failed, or an empty answer always fails it.
    """
    called = _called(answer)
    opinion = judged.opinion if judged else None
    checks = [
        CheckResult(kind=check.kind, value=check.value, passed=_holds(check, answer["answer"], called))
        for check in case.checks
    ]
    error, code = answer["error"], ""
    if not error and answer["failed"]:
        code = "tool_failed"
        error = f"a tool failed and the agent went on: {', '.join(answer['failed'])}"
    decided = all(check.passed for check in checks) if checks else bool(opinion and opinion.passed)
    passed = not error and bool(answer["answer"].strip()) and decided
    return CaseResult(
        id=case.id,
        passed=passed,
        reason_code="" if passed else code or why_failed(error, answer["answer"], checks),
        answer=answer["answer"],
        checks=checks,
        tools_called=called,
        error=error,
        opinion=opinion,
        seconds=answer["seconds"],
    )


def _opinion(case: TestCase, answer: Mapping[str, Any], judge: ChatModel) -> Judged | None:
    """Return the judge's opinion of an answer; None, without asking, for an error or an empty answer."""
    if answer["error"] or not answer["answer"].strip():
        return None
    return judge_answer(case, answer["answer"], _called(answer), judge)


def _called(answer: Mapping[str, Any]) -> list[str]:
    return [name for name in answer["called"] if name != _WORKFLOW]


def _keep_transcripts(folder: Path, answers: Sequence[Mapping[str, Any]], usage: GatewayUsage) -> None:
    """Write the transcript of each case, and the gateway's log, one model call a line."""
    folder.mkdir(exist_ok=True)
    log = "".join(json.dumps(call.as_json()) + "\n" for call in usage.calls)
    (folder / MODEL_CALLS).write_text(log, encoding="utf-8")
    for answer in answers:
        text = json.dumps(answer, indent=1, ensure_ascii=False)
        (folder / f"{answer['id']}.json").write_text(text, encoding="utf-8")


def _holds(check: CaseCheck, answer: str, called: Sequence[str]) -> bool:
    if check.kind == "tool_called":
        return check.value in called
    if check.kind == "contains":
        return str(check.value).casefold() in answer.casefold()
    if check.kind == "regex":
        return regex_found(check.value, answer)
    try:
        return same_json(read_json(answer), check.value)
    except ValueError:
        return False


def _mcp_home(agent: InstalledAgent) -> Path:
    """Create the folder that `setup_mcp.sh` creates for a user, with links to the installed environments."""
    home = agent.workspace / "mcp"
    home.mkdir(exist_ok=True)
    for name, environment in agent.servers.items():
        link = home / name
        link.unlink(missing_ok=True)
        link.symlink_to(environment.path)
    return home
