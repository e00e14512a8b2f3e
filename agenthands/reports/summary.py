"""How a build ended and what to do now, in sentences, the same in the terminal and in the report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agenthands._util.formatting import count, money, one_line
from agenthands.packaging.rights import imagined_sentence
from agenthands.reports.remedies import tool_advice
from agenthands.schemas import Acceptance, BatchReport, BuildRecord, CaseResult, Plan, Ruling, ToolOutcome


def gate_summary(tool: ToolOutcome) -> str:
    """Say in a few words what the gate said about a tool."""
    if tool.gate is None:
        return "not checked"
    required = [check for check in tool.gate.checks if check.required]
    if not tool.gate.failures():
        return f"{len(required)} of {len(required)} checks"
    return "failed " + ", ".join(check.name for check in tool.gate.failures())


def ruling_sentences(ruling: Ruling) -> str:
    """Return what the planner decided about an example, with both sides and its reason."""
    kind = "Hidden example" if ruling.held_out else "Example"
    arguments = one_line(json.dumps(ruling.specified.arguments, ensure_ascii=False), 300)
    sides = f"{kind} {arguments}: specified {_side(ruling.specified.model_dump())}"
    now = f"the example is wrong; it is now {_side(ruling.corrected.model_dump())}" if ruling.corrected else None
    decided = now or "the tool is wrong"
    asked = f"Asked after attempt {ruling.attempt}, {one_line(ruling.planner, 100)} ruled that"
    return f"{sides}, the tool {_side(ruling.found)}. {asked} {decided}: {one_line(ruling.reason, 2000)}"


def _side(side: Mapping[str, Any]) -> str:
    if raised := side.get("raises"):
        return f"raises {raised[0] if isinstance(raised, list) else raised}"
    return one_line(json.dumps(side.get("result", side.get("expected")), ensure_ascii=False), 300)


def opinion_sentence(case: CaseResult) -> str:
    """Return what the judge finds about an answer, and whether that alone decides; empty where nobody judged."""
    if case.opinion is None:
        return ""
    said = {
        True: "finds that it is what was expected",
        False: "finds that it is not what was expected",
        None: "could not judge",
    }[case.opinion.passed]
    alone = "" if case.checks else "; there are no checks, so this decides"
    return f"{case.opinion.model} {said}{alone}: {case.opinion.reason}"


def batch_verdict(report: BatchReport) -> str:
    """Say in one sentence how a batch ended."""
    total, accepted = len(report.builds), report.count("accepted")
    if accepted == total:
        return f"All {count(total, 'agent')} work." if total > 1 else "The agent works."
    others = [f"{report.count(status)} {status}" for status in ("rejected", "failed", "cancelled")]
    said = ", ".join(each for each in others if not each.startswith("0 "))
    return f"{accepted} of {count(total, 'agent')} work; {said}. Run the same batch again: only these are built."


def batch_state(report: BatchReport) -> str:
    """Name how a batch ended, for who watches runs: Accepted, Rejected, or Incomplete where a build failed."""
    return {0: "Accepted", 1: "Rejected"}.get(report.exit_code, "Incomplete")


def batch_steps(report: BatchReport) -> list[str]:
    """Return what a person can do now about the builds that were not accepted; commands stand in `backticks`."""
    codes = {item.exit_code for item in report.builds}
    return [
        step
        for code, step in (
            (1, "Rejected: open the build's report, which shows what failed and what to do about it."),
            (2, "Failed because something needs fixing on your side: the reason below says what."),
            (70, "Failed because of a bug in AgentHands: build that request alone, and report what it prints."),
            (
                3,
                "Failed because something outside (model, store or package index) did: `agenthands doctor` says what.",
            ),
        )
        if code in codes
    ]


def without_caching(record: BuildRecord) -> str:
    """Say what a build would have cost without the providers' caches of prompts; empty where it is the same."""
    if record.uncached_usd is None or money(record.uncached_usd) == money(record.cost_usd):
        return ""
    return f"{money(record.uncached_usd)} without caching"


def verdict(record: BuildRecord) -> str:
    """Say how a build ended; of an accepted agent what was proven, what was not tried, and what is only imagined."""
    if record.status == "accepted":
        cases = len(record.acceptance.ended("passed")) if record.acceptance else 0
        tools = f"{count(len(record.tools), 'tool')} passed the gate, and " if record.tools else ""
        proven = f"The agent works: {tools}it passed {count(cases, 'test case')}."
        imagined = imagined_sentence(record.plan) if record.plan else ""
        unproven = _unproven(record.acceptance, record.plan) if record.acceptance else []
        return " ".join(filter(None, [proven, imagined, *unproven]))
    said = {
        "rejected": "The agent did not pass",
        "failed": "The build could not be finished",
        "cancelled": "The build was interrupted",
    }[record.status]
    reason = one_line(record.reason, 2000).rstrip(".")
    return f"{said}: {reason}." if reason else f"{said}."


def _unproven(acceptance: Acceptance, plan: Plan | None) -> list[str]:
    said = []
    if untried := [case.id for case in acceptance.ended("not_tried")]:
        said.append(f"Not tried, because the network was closed: {', '.join(untried)}.")
    if acceptance.unreached:
        names = _by_server(acceptance.unreached, plan)
        said.append(f"Never reached, so what they answer is only imagined: {', '.join(names)}.")
    return said


def _by_server(tools: Sequence[str], plan: Plan | None) -> list[str]:
    """Return names of tools; that of their server for all that an agent uses of it."""
    names = list(tools)
    for server in plan.mcp_servers if plan else []:
        own = [f"{server.id}__{tool}" for tool in server.tools]
        if set(own) <= set(names):
            names = [server.id, *(name for name in names if name not in own)]
    return sorted(names)


def _how_to_try(record: BuildRecord) -> list[str]:
    """Return how to try what needs the network; empty where all was tried."""
    acceptance = record.acceptance
    if not acceptance or not (acceptance.unreached or acceptance.ended("not_tried")):
        return []
    hosts = ",".join(dict.fromkeys(host for case in acceptance.cases for host in case.hosts)) or "HOST,HOST"
    return [f"Try what needs the network: build again with `AGENTHANDS_EGRESS={hosts}`; the tools are kept."]


def can_be_asked(record: BuildRecord) -> bool:
    """Whether the build has an agent that NAT loads, accepted or not."""
    asked = record.acceptance is not None and bool(record.acceptance.cases)
    return record.status == "accepted" or ("bundle.tar.gz" in record.files and asked)


def next_steps(record: BuildRecord) -> list[str]:
    """Return what a person can do now, most useful first; commands stand in `backticks`."""
    fetch = f"`agenthands fetch {record.build_id} DIR`"
    if record.status == "accepted":
        return [
            f"Talk to it: `agenthands chat {record.build_id}`.",
            f"Fetch the agent: {fetch}.",
            "Then follow `DIR/README.md`: it says how to install, run and serve it.",
            *_how_to_try(record),
        ]
    if record.status == "rejected":
        asks = f"To ask it yourself, fetch it as it is: `agenthands fetch {record.build_id} DIR --rejected`."
        return [*_rejected_steps(record), "Build again.", *([asks] if can_be_asked(record) else [])]
    if record.status == "cancelled":
        return ["Build again with the same request."]
    return [
        "Read the reason above, and run `agenthands doctor` to see what is missing on this machine.",
        "Build again with the same request.",
    ]


def pieces(step: str) -> list[tuple[str, bool]]:
    """Split a sentence at its backticks into texts and whether each is code."""
    return [(text, number % 2 == 1) for number, text in enumerate(step.split("`")) if text]


def _rejected_steps(record: BuildRecord) -> list[str]:
    steps = []
    wrong = [tool for tool in record.tools if tool.status != "accepted"]
    steps += [tool_advice(tool, record.plan, record.files) for tool in wrong]
    cases = [case.id for case in record.acceptance.ended("failed")] if record.acceptance else []
    if cases:
        steps.append(
            f"Look at the answers to {', '.join(cases)}: a stronger model for the agent (`--agent-model`) "
            "or a clearer request may help."
        )
    steps += _how_to_try(record)
    return steps
