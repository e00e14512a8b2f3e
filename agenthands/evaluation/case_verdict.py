"""Judges one test case: what its checks decide, what only the network was missing for, and what a judge must say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from agenthands._util.untrusted_json import regex_found
from agenthands.environments.nat_registry import NETWORK_BUILTINS
from agenthands.evaluation.case_checks import Call, Decision, code_of, decide, fault_of, is_unknown
from agenthands.evaluation.llm_judge import Judged, judge_answer
from agenthands.llm.base import ChatModel
from agenthands.schemas import CaseResult, CheckResult, ErrorExample, Plan, TestCase

# A missing network explains no call that was made although it should not have been, nor one with wrong arguments.
_WHATEVER_CAME = {"not_called", "refused", "asks_back"}


class _Server(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def network(self) -> str: ...


class _Reach(Protocol):
    @property
    def lacked(self) -> bool: ...

    @property
    def refused(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class AgentParts:
    """What of a plan decides about answers.

    `specified` holds the exceptions that a tool's examples name, by the tool; `online` are the tools that need the
    network, as an agent's model calls them; `agents` are the names of the plan's agents. Cases are asked `alone`, one
    after the other, where servers or a memory may keep something that the next one would find.
    """

    specified: Mapping[str, Sequence[str]] = field(default_factory=dict)
    online: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    alone: bool = False

    @classmethod
    def of(cls, plan: Plan, servers: Sequence[_Server]) -> AgentParts:
        """Return what a plan says, with the catalogue's entries of its servers."""
        outside = {server.id for server in servers if server.network != "none"}
        online = {
            f"{server.id}__{tool}" for server in plan.mcp_servers if server.id in outside for tool in server.tools
        }
        online |= {tool.name for tool in plan.custom_tools if tool.network}
        online |= {tool.type for tool in plan.builtin_tools if tool.type in NETWORK_BUILTINS}
        specified = {
            tool.name: [each.raises for each in tool.examples if isinstance(each, ErrorExample)]
            for tool in plan.custom_tools
        }
        alone = bool(plan.mcp_servers) or any("memory" in tool.type for tool in plan.builtin_tools)
        return cls(specified, frozenset(online), frozenset(agent.name for agent in plan.agents), alone)


@dataclass(frozen=True)
class Verdict:
    """What is known of a case before a judge was asked. `lacked` says that nothing but the network was missing."""

    case: TestCase
    answer: str
    calls: Sequence[Call]
    seconds: float
    decision: Decision
    parts: AgentParts
    lacked: bool
    hosts: Sequence[str]

    @classmethod
    def of(cls, case: TestCase, said: Mapping[str, Any], parts: AgentParts, reach: _Reach) -> Verdict:
        """Decide what can be decided of a case; `said` is the run's report of it."""
        calls: Sequence[Call] = said["calls"]
        checks = [check.model_dump() for check in case.checks]
        decision = decide(checks, said["answer"], calls, parts.specified, said["error"], regex_found)
        closed = reach.lacked and any(call["name"] in parts.online for call in calls)
        faults = _other_faults(decision, calls, parts) if closed else []
        lacked = closed and not faults
        if faults and decision.code != "agent_failed":  # what the network explains does not hide what it does not
            decision = replace(decision, code=faults[0], error=decision.error if faults[0] == "tool_failed" else "")
        return cls(case, said["answer"], calls, said["seconds"], decision, parts, lacked, list(reach.refused))

    def opinion_of(self, judge: ChatModel) -> Judged | None:
        """Return the judge's opinion of the answer; None, without asking, where there is none to judge."""
        if self.decision.code in ("agent_failed", "no_answer"):
            return None
        return judge_answer(self.case, self.answer, self.calls, judge)

    def result(self, judged: Judged | None) -> CaseResult:
        """Return how the case ended: by its checks, or by the opinion where they do not decide."""
        opinion, decided = judged.opinion if judged else None, self.decision
        error, code = decided.error, decided.code
        if decided.state == "undecided" and not (opinion and opinion.passed):
            code = "judged_wrong" if (opinion and opinion.passed is False) or not decided.failed else "tool_failed"
        if code == "tool_failed" and not error:
            error = f"a tool failed and the agent went on: {', '.join(decided.failed)}"
        state = "failed" if code else "passed"
        if code and self.lacked:
            state, code = "not_tried", "network_missing"
        called = [str(call["name"]) for call in self.calls if not is_unknown(call)]
        return CaseResult(
            id=self.case.id,
            passed=state == "passed",
            state=state,
            reason_code=code,
            answer=self.answer,
            checks=[CheckResult.model_validate(check) for check in decided.checks],
            tools_called=called,
            agents_called=list(dict.fromkeys(name for name in called if name in self.parts.agents)),
            hosts=list(self.hosts)[:50] if state == "not_tried" else [],
            error=error,
            opinion=opinion,
            seconds=self.seconds,
        )


def _other_faults(decision: Decision, calls: Sequence[Call], parts: AgentParts) -> list[str]:
    """Return the reasons for what went wrong and does not follow from a call that needs the network.

    What comes after it, the answer above all, is not held against the agent. A tool that failed without needing the
    network is, and so is a call that the case forbids, or one with other arguments up to that point.
    """
    faults = ["tool_failed"] if set(decision.failed) - parts.online - parts.agents - _meant(decision) else []
    first = next(place for place, call in enumerate(calls) if call["name"] in parts.online)
    for check in decision.checks:
        if not check["passed"]:
            code = code_of([check], calls[: first + 1], regex_found)
            if check["kind"] in _WHATEVER_CAME or code == "wrong_arguments":
                faults.append(code)
    return faults


def _meant(decision: Decision) -> set[str]:
    return {str(check["value"]) for check in decision.checks if check["kind"] == "tool_fails"}


def unreached(parts: AgentParts, answers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the tools that need the network and gave no result in any case, sorted."""
    answered = {str(call["name"]) for said in answers for call in said["calls"] if not fault_of(call)}
    return sorted(parts.online - answered)
