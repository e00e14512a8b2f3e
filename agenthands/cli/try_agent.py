"""Tries an agent in the real world from a terminal: what is reached, each case, where the recorded world was wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agenthands._util.formatting import count, duration, money, one_line
from agenthands.errors import RequestInvalid
from agenthands.flows.cancellation import ended_by_interrupt
from agenthands.reports.terminal.layout import fitted, wrapped

if TYPE_CHECKING:
    from agenthands.outside.comparison import Finding, RealRequest
    from agenthands.trying import Reaching, Reality, TriedCase

_OUTCOMES = {
    "as_recorded": "as recorded",
    "differs": "differs from what is recorded",
    "not_recorded": "no world records it",
    "failing_now": "the host is failing or busy now, which proves nothing",
    "refused": "was not made",
    "no_answer": "no answer",
}

_SAID = {
    "missing_field": "{place} ({recorded}) is recorded; really there is {real}",
    "new_field": "{place} ({real}) is not recorded",
    "type": "{place} is recorded as {recorded}; really it is {real}",
    "status": "the status {recorded} is recorded; really it is {real}",
    "not_json": "JSON is recorded; really it is {real}",
    "redirected_elsewhere": "it redirects {real}",
    "unreadable": "{place} is {real}; {recorded} is recorded",
}


def run_try(agent: str, how: tuple[bool, bool, Path | None], given: Mapping[str, Any], as_json: bool) -> int:
    """Try an agent, print what was found, and return the exit code. Raises AgentHandsError."""
    from agenthands import api

    yes, writes, file = how

    def agreed(reaching: Reaching) -> None:
        click.echo("\n".join(fitted(line) for line in reaching_lines(reaching)), err=True)
        if yes:
            return
        if not sys.stdin.isatty():
            raise RequestInvalid(
                "Real hosts and files are reached only with your consent, and nobody can be asked here.",
                "Read the list, and give --yes.",
            )
        click.confirm("Go on?", abort=True, err=True)

    def told(case: TriedCase) -> None:
        if not as_json:
            click.echo("\n".join(case_lines(case)))

    with ended_by_interrupt(lambda: None, "Nothing is left running."):
        found = api.try_agent(agent, agreed=agreed, allow_writes=writes, file=file, told=told, **given)
    if as_json:
        click.echo(found.model_dump_json(indent=1))
    else:
        click.echo("\n".join(["", *end_lines(found)]))
    return found.exit_code


def reaching_lines(reaching: Reaching) -> Iterator[str]:
    """Yield what will be reached, a line each."""
    yield f"{reaching.agent} is asked its {count(reaching.cases, 'test case')}. From this machine it reaches:"
    for right in reaching.rights:
        withheld = f"; not {', '.join(right.withheld)} (--allow-writes)" if right.withheld else ""
        yield f"  {right.said}{withheld}"
    for host in reaching.further_hosts:
        yield f"  {host}, for its MCP servers (AGENTHANDS_EGRESS)"
    for place in reaching.places:
        if place.path:
            yield f"  {'a copy of ' if place.changes else ''}{place.path}, to {'change' if place.changes else 'read'}"
    if not (reaching.rights or reaching.further_hosts or any(place.path for place in reaching.places)):
        yield "  nothing but its model"
    if reaching.unset:
        yield f"Not set, or no such path: {', '.join(reaching.unset)}"


def case_lines(case: TriedCase) -> Iterator[str]:
    """Yield what came of one test case."""
    yield ""
    yield from wrapped(f"{case.id}: {case.query}")
    yield from wrapped(f"no answer: {case.error}" if case.error else one_line(case.answer, 600), "  ")
    if case.failed_tools:
        yield f"  failed: {', '.join(case.failed_tools)}"
    for request in case.requests:
        yield from _request_lines(request)


def _request_lines(request: RealRequest) -> Iterator[str]:
    status = f" {request.status}" if request.status else ""
    yield from wrapped(f"{request.method} {one_line(request.url, 300)}{status}: {_OUTCOMES[request.outcome]}", "  ")
    if request.message:
        yield from wrapped(request.message, "    ")
    if request.similar and request.findings:
        yield from wrapped(f"compared with {one_line(request.similar, 300)}", "    ")
    for finding in request.findings:
        yield from wrapped(finding_text(finding), "    ")


def finding_text(finding: Finding) -> str:
    """Return one finding as a sentence."""
    mark = "wrong" if finding.wrong else "new"
    return f"{mark}: " + _SAID[finding.code].format(place=finding.place, recorded=finding.recorded, real=finding.real)


def end_lines(found: Reality) -> Iterator[str]:
    """Yield the verdict, where the recording lies, and what it cost."""
    for place in found.places:
        for finding in place.findings:
            yield from wrapped(f"{place.variable}: {finding_text(finding)}")
    yield from wrapped(found.said)
    if found.recording:
        yield from wrapped(f"Recorded: {found.recording}")
        yield from wrapped(
            "Keys are not in it, and personal data that was recognised is masked: look before sharing it."
        )
    seconds = sum(case.seconds for case in found.cases)
    yield f"{count(len(found.cases), 'test case')}, {money(found.cost_usd)}, {duration(seconds)}"
