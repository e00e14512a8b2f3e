"""What users said of answers, as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from agenthands._util.formatting import one_line
from agenthands.reports.terminal.layout import moment, wrapped
from agenthands.schemas.feedback import FeedbackEntry


def feedback_text(entries: Sequence[FeedbackEntry]) -> str:
    """Return each feedback in a few lines: its id and state, the question, the answer, what is right instead."""
    return "\n\n".join("\n".join(_lines(entry)) for entry in entries)


def _lines(entry: FeedbackEntry) -> list[str]:
    said, right = entry.feedback, entry.correction
    fixed = f" in revision {entry.fix.revision} ({entry.fix.build_id})" if entry.fix else ""
    return [
        f"{said.id}  {one_line(said.agent)}  {said.verdict}  {entry.state}{fixed}  {moment(said.at)} UTC",
        *wrapped(said.question, "  asked     "),
        *wrapped(said.answer, "  answered  "),
        *(wrapped(said.note, "  said      ") if said.note else []),
        *(wrapped(right.answer, "  right is  ") if right.answer else []),
        *(wrapped(f"{right.tool} {right.arguments} gives {right.result}", "  right is  ") if right.tool else []),
    ]
