"""Asks a judge model about an answer of the finished agent; its opinion decides only cases without checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agenthands._util.untrusted_json import read_json
from agenthands.errors import ContentFiltered, ContextExceeded, ModelUnavailable
from agenthands.evaluation.transcript import calls_text
from agenthands.llm.base import ChatModel
from agenthands.llm.prompts import render
from agenthands.planning.planner import json_part
from agenthands.schemas import Opinion, TestCase

_MAX_ANSWER = 20_000
_MAX_CALLS = 12_000


@dataclass(frozen=True)
class Judged:
    """An opinion, and whether it came from a fallback."""

    opinion: Opinion
    by_fallback: bool = False


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    passed: bool
    reason: str = Field(min_length=1, description="One or two sentences")


def judge_answer(case: TestCase, answer: str, calls: Sequence[Mapping[str, Any]], model: ChatModel) -> Judged:
    """Ask whether an answer is what the case expects; `calls` are those that led to it, as `nat_steps.py` reads them.

    If the model cannot be asked, or its answer is unusable, `passed` of the opinion is None and `reason` says why.
    Raises ModelNotUsable, QuotaExhausted or BudgetReached.
    """
    shown, made = answer[:_MAX_ANSWER], calls_text(calls, _MAX_CALLS)
    fence = _fence(shown + made)
    question = render("judge/user.md.j2", case=case, answer=shown, calls=made, fence=fence)
    system = render("judge/system.md.j2", fence=fence)
    messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    try:
        said = model.ask(messages, "opinion", _Answer.model_json_schema())
    except (ModelUnavailable, ContentFiltered, ContextExceeded) as error:
        return Judged(Opinion(passed=None, reason=f"Not asked: {error.message}", model=model.name))
    try:
        given = _Answer.model_validate(read_json(json_part(said.text)))
        opinion = Opinion(passed=given.passed, reason=given.reason[:2000], model=said.model or model.name)
    except ValueError:
        reason = said.fault.message if said.fault else "The judge gave no usable answer."
        opinion = Opinion(passed=None, reason=reason, model=said.model or model.name)
    return Judged(opinion, said.by_fallback)


def _fence(text: str) -> str:
    """Return a code fence that the text cannot close."""
    fence = "~~~"
    while fence in text:
        fence += "~"
    return fence
