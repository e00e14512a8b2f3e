"""Feedback in the forms of other programs, one JSON object a line; an answer that was wrong is never an example."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from agenthands.schemas.feedback import FeedbackEntry

ExportForm = Literal["agenthands", "langfuse", "openai"]
EXPORT_FORMS: tuple[ExportForm, ...] = ("agenthands", "langfuse", "openai")


def exported(entries: Iterable[FeedbackEntry], form: ExportForm) -> Iterator[str]:
    """Yield the lines of an export.

    `agenthands` has everything as it is kept; `langfuse` items of a data set, as its API takes them, with an expected
    output where one is known; `openai` conversations that end with a right answer, as training takes them.
    """
    forms = {"agenthands": _whole, "langfuse": _item, "openai": _conversation}
    for entry in entries:
        line = forms[form](entry)
        if line is not None:
            yield json.dumps(line, ensure_ascii=False)


def _whole(entry: FeedbackEntry) -> dict[str, Any]:
    return {**entry.feedback.model_dump(mode="json"), "state": entry.state, **_known(entry)}


def _known(entry: FeedbackEntry) -> dict[str, Any]:
    decided = {"correction": entry.acceptance.correction.model_dump(mode="json")} if entry.acceptance else {}
    return decided | ({"fixed_in": entry.fix.model_dump(mode="json")} if entry.fix else {})


def _messages(entry: FeedbackEntry) -> list[dict[str, str]]:
    said = entry.feedback
    return [*(turn.model_dump() for turn in said.history), {"role": "user", "content": said.question}]


def _item(entry: FeedbackEntry) -> dict[str, Any]:
    said = entry.feedback
    item = {"datasetName": f"{said.agent}-feedback", "id": said.id, "input": {"messages": _messages(entry)}}
    if entry.right_answer:
        item["expectedOutput"] = entry.right_answer
    told = said.model_dump(mode="json", include={"at", "build_id", "verdict", "note", "answer", "calls"})
    return {**item, "metadata": {**told, "state": entry.state, **_known(entry)}}


def _conversation(entry: FeedbackEntry) -> dict[str, Any] | None:
    if not entry.right_answer:
        return None
    return {"messages": [*_messages(entry), {"role": "assistant", "content": entry.right_answer}]}
