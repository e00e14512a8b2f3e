"""Code, tests, faults, attempts and transcripts of a build, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agenthands.agent_readme import README, commands_of
from agenthands.attempts import attempts_at
from agenthands.models import BuildRecord, GateReport, ToolOutcome
from agenthands.terminal_text import code_line, section, table, wrapped
from agenthands.transcripts import tool_calls
from agenthands.wording import duration, one_line

_LONGEST_LINE = 2000


def details(record: BuildRecord, texts: Mapping[str, str]) -> list[list[str]]:
    """Give the parts that a report folds away, one list of lines a part."""
    parts: list[list[str]] = []
    for tool in record.tools:
        parts += [
            section(f"Attempts at {one_line(tool.name)}", _attempts(tool, record, texts)),
            section(f"Checks of {one_line(tool.name)}", _checks(tool.gate)),
            section(f"Faults that the tests of {one_line(tool.name)} did not notice", _faults(tool.gate)),
            section(f"Code of {one_line(tool.name)}", _code(texts.get(f"tools/{tool.name}/nat_tools/{tool.name}.py"))),
            section(
                f"Tests of {one_line(tool.name)}", _code(texts.get(f"tools/{tool.name}/tests/test_{tool.name}.py"))
            ),
        ]
    for case in record.acceptance.cases if record.acceptance else []:
        calls = _calls(texts.get(f"acceptance/{case.id}.json", "{}"))
        answer = wrapped(f"answer: {one_line(case.answer, _LONGEST_LINE)}")
        parts.append(section(f"Transcript of {one_line(case.id)}", [*calls, *answer]))
    for title, commands in commands_of(texts.get(README, "")):
        parts.append(section(title, _code(commands)))
    return parts


def _attempts(tool: ToolOutcome, record: BuildRecord, texts: Mapping[str, str]) -> list[str]:
    attempts = attempts_at(tool, record, texts)
    return table(
        [
            (
                str(each.number),
                each.finding or "not kept",
                "" if each.coding is None else f"coder {duration(each.coding)}",
                "" if each.checking is None else f"gate {duration(each.checking)}",
            )
            for each in attempts
        ]
    )


def _checks(gate: GateReport | None) -> list[str]:
    if gate is None:
        return []
    said = {True: "ok", False: "FAILED"}
    return table([(said[check.passed], check.name, one_line(check.detail)) for check in gate.checks])


def _faults(gate: GateReport | None) -> list[str]:
    return [line for fault in (gate.survivors if gate else []) for line in _code(str(fault.get("diff", "")))]


def _code(text: str | None) -> list[str]:
    return [code_line(line) for line in text.splitlines()] if text else []


def _calls(transcript: str) -> Sequence[str]:
    lines: list[str] = []
    for call in tool_calls(transcript):
        took = "did not end" if call.seconds is None else duration(call.seconds)
        lines += wrapped(f"{call.tool}  {call.given}  ({took})")
        lines += wrapped(call.answered, "    ")
    return lines
