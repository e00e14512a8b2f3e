"""What a report shows of a build beyond `agenthands show`, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agenthands.advice import advice_on_case, meaning
from agenthands.agent_readme import README, commands_of
from agenthands.models import BuildRecord, CaseResult, CheckResult
from agenthands.shown_parts import ShownServer, as_text, servers_of
from agenthands.terminal_text import LABEL, code, fact, prose, section, table, wrapped
from agenthands.terminal_tools import tool_details
from agenthands.transcripts import tool_calls
from agenthands.verdict import opinion_sentence
from agenthands.wording import duration, one_line, pad

LONGEST_REQUEST = 1200  # characters of it that stand on the first screen
_LONGEST = 2000


def details(record: BuildRecord, texts: Mapping[str, str]) -> list[list[str]]:
    """Give the parts that a report folds away, and what it says at more length, one list of lines a part."""
    request = record.request.request
    parts = [
        section("Request", prose(request) if request != one_line(request, LONGEST_REQUEST) else []),
        section("Why this plan", prose(record.plan.reasoning) if record.plan else []),
    ]
    for tool in record.tools:
        parts += tool_details(tool, record, texts)
    checked = {check.name: None for tool in record.tools if tool.gate for check in tool.gate.checks}
    parts.append(section("What the gate's checks ask", table([(name, meaning(name)) for name in checked])))
    parts += [section(f"MCP server {one_line(server.id)}", _server(server)) for server in servers_of(record)]
    questions = {case.id: case for case in record.plan.test_cases} if record.plan else {}
    for result in record.acceptance.cases if record.acceptance else []:
        asked = questions.get(result.id)
        lines = [*_labelled("asked", asked.query), *_labelled("expected", asked.expected_behavior)] if asked else []
        lines += _case(result, texts.get(f"acceptance/{result.id}.json", "{}"))
        parts.append(section(f"Test case {one_line(result.id)}", lines))
    parts += [section(title, code(commands)) for title, commands in commands_of(texts.get(README, ""))]
    return [*parts, section("Made with", _made_with(record)), section("Files in the store", _files(record))]


def _server(server: ShownServer) -> list[str]:
    lines = prose(server.reasoning)
    if server.others:
        lines += ["Tools that the agent does not use:", *table(server.others, longest=_LONGEST, start="  ")]
    return lines


def _case(case: CaseResult, transcript: str) -> list[str]:
    lines = _labelled("error", case.error) if case.error else []
    lines += _labelled("answer", case.answer or "(none)")
    lines += _checked(case.checks)
    if said := opinion_sentence(case):
        lines += _labelled("judge", said)
    lines += fact("advice", advice_on_case(case)) if not case.passed else []
    for call in tool_calls(transcript):
        took = "did not end" if call.seconds is None else duration(call.seconds)
        lines += wrapped(f"called {one_line(call.tool)} ({took})")
        for label, text in (("given", call.given), ("answered", call.answered)):
            lines += [f"  {label}", *prose(text, "    ", 5000)] if text else []
    return lines


def _labelled(label: str, text: str) -> list[str]:
    """Give a text with its own lines behind its label."""
    first, *more = prose(text, " " * LABEL) or [""]
    return [pad(label, LABEL) + first.strip(), *more]


def _checked(checks: Sequence[CheckResult]) -> list[str]:
    lines = []
    for number, check in enumerate(checks):
        mark = "ok" if check.passed else "FAILED"
        start = f"{pad('checks' if number == 0 else '', LABEL)}{pad(mark, 6)}  {pad(one_line(check.kind), 11)}  "
        lines += wrapped(as_text(check.value), start) or [start.rstrip()]
    return lines


def _made_with(record: BuildRecord) -> list[str]:
    versions = ", ".join(f"{name} {number}" for name, number in record.versions.items())
    return [
        *fact("versions", versions),
        *(fact("lock", record.environment_lock_sha256) if record.environment_lock_sha256 else []),
        *fact("record", record.format),
    ]


def _files(record: BuildRecord) -> list[str]:
    """Give the files with their hashes as `sha256sum` does."""
    return [f"{one_line(sha256)}  {one_line(name)}" for name, sha256 in record.files.items()]
