"""Tries what planner and judge need of a model: JSON with a free-form part, long questions and answers, a verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator

from agenthands._util.formatting import one_line
from agenthands._util.untrusted_json import read_json
from agenthands.evaluation.llm_judge import judge_answer
from agenthands.llm.base import ChatAnswer, ChatModel
from agenthands.llm.prompts import render
from agenthands.planning.planner import json_part
from agenthands.schemas import TestCase

LAST = 500
"""The last number of the long answer: of 500 numbers, with 1,500 tokens or so."""
_LINES = 480
"""Lines of the long question, which make it about as long as the planner's: 30,000 characters."""
WORD = "heron"
_TOLD = 160
Found = tuple[str, str]
"""What is said, and the code of a reason; empty if it works."""

_FREE = {"type": "object", "additionalProperties": True}
_FORM = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "parameters": _FREE, "example": _FREE},
    "required": ["name", "parameters", "example"],
    "additionalProperties": False,
}
_LONG = {
    "type": "object",
    "properties": {"word": {"type": "string"}, "numbers": {"type": "array", "items": {"type": "integer"}}},
    "required": ["word", "numbers"],
    "additionalProperties": False,
}


def try_form(model: ChatModel) -> Found:
    """Ask for JSON of which parts have any form, as the parameters of a tool in a plan. Raises as `ChatModel.ask`."""
    answer, value = _asked(model, render("trial/form.md.j2", schema=json.dumps(_FORM, indent=1)), _FORM)
    if value is None:
        return _unreadable(answer)
    if not value["parameters"] or not value["example"]:
        return f"it answered {_shown(value)}", "free_form_lost"
    lines = value["example"].get("lines")
    named = value["parameters"].get("properties")
    if not isinstance(named, dict) or "lines" not in named or not isinstance(lines, list) or len(lines) != 2:
        return f"it answered {_shown(value)}", "answer_wrong"
    return "JSON with a free-form part comes whole", ""


def try_length(model: ChatModel) -> Found:
    """Ask a question as long as the planner's for an answer of 1,500 tokens. Raises as `ChatModel.ask`."""
    answer, value = _asked(model, render("trial/long.md.j2", word=WORD, lines=_LINES, last=LAST), _LONG)
    if answer.fault is not None:
        return answer.fault.message, answer.fault.code
    if value is None:
        return _unreadable(answer)
    if value["word"].strip().lower() != WORD:
        return f"asked for the first word of a long question, it answered {_shown(value['word'])}", "question_forgotten"
    numbers = value["numbers"]
    if numbers != list(range(1, LAST + 1)):
        return f"of {LAST} numbers, {len(numbers)} came, the last {_shown(numbers[-1:])}", "answer_wrong"
    parts = f", in {answer.calls} calls" if answer.calls > 1 else ""
    return f"a long question is read, and a long answer comes whole{parts}", ""


def try_judging(model: ChatModel) -> Found:
    """Have a right and a wrong answer judged. Raises as `judge_answer`."""
    case = TestCase(id="sum", query="What is 17 plus 25?", expected_behavior="Says that it is 42.")
    for answer, right in (("It is 42.", True), ("It is 43.", False)):
        opinion = judge_answer(case, answer, [], model).opinion
        if opinion.passed is None:
            return one_line(opinion.reason, _TOLD), "answer_unreadable"
        if opinion.passed is not right:
            kind = "right" if right else "wrong"
            return f"of a {kind} answer it says: {one_line(opinion.reason, _TOLD)}", "judgement_wrong"
    return "a right and a wrong answer are told apart", ""


def _asked(model: ChatModel, question: str, schema: Mapping[str, Any]) -> tuple[ChatAnswer, Any]:
    """Return the answer, and its JSON; None where that does not fit the schema."""
    messages: Sequence[Mapping[str, str]] = [{"role": "user", "content": question}]
    answer = model.ask(messages, "trial", schema)
    try:
        value = read_json(json_part(answer.text))
    except ValueError:
        return answer, None
    return answer, value if Draft202012Validator(schema).is_valid(value) else None


def _unreadable(answer: ChatAnswer) -> Found:
    if answer.fault is not None:
        return answer.fault.message, answer.fault.code
    return f"it answered {_shown(answer.text)}", "answer_unreadable"


def _shown(value: Any) -> str:
    return one_line(json.dumps(value, ensure_ascii=False), _TOLD)
