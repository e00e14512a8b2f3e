"""Asks the planner, once, who is wrong if an example contradicts a tool that passes all other checks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agenthands._util.untrusted_json import read_json
from agenthands.errors import AnswerCutOff
from agenthands.gate.checks.schema import result_complaint
from agenthands.llm.base import ChatModel
from agenthands.llm.prompts import render
from agenthands.planning.planner import json_part
from agenthands.schemas import (
    ErrorExample,
    GateReport,
    ResultExample,
    Ruling,
    Tokens,
    ToolSpec,
    add_costs,
    hidden_example_indices,
)

_MAX_ANSWERS = 2
_MAX_REASON = 2000
_EXAMPLE_CHECKS = {"examples", "held_out"}
Example = ResultExample | ErrorExample


@dataclass(frozen=True)
class Contradiction:
    """An example, by its index in the specification, and what the tool did instead."""

    index: int
    call: Mapping[str, Any]


class Arbitration(BaseModel):
    """The rulings on all contradictions, and their cost. `cost_usd` is None if the price is unknown.

    `by_fallback` is true if a fallback gave the rulings, or an answer on the way to them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rulings: tuple[Ruling, ...]
    cost_usd: float | None
    tokens: Tokens
    by_fallback: bool = False


class _Correction(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    expected: Any = Field(None, description="The right result; null where the call must raise")
    raises: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Class name of the exception")


class _One(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    example: int
    wrong: Literal["example", "tool"]
    correction: _Correction | None = Field(None, description="The corrected example; null where the tool is wrong")
    reason: str = Field(min_length=1, description="One or two sentences, from the specification")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rulings: list[_One]


def contradictions(report: GateReport) -> list[Contradiction]:
    """Return the examples that contradict the tool, if it fails no other check; otherwise none."""
    others = {check.name for check in report.failures()} - _EXAMPLE_CHECKS
    return [] if others else contradicted(report)


def contradicted(report: GateReport) -> list[Contradiction]:
    """Return the examples that contradict the tool, whatever else it fails."""
    found = [each for check in report.failures() for each in (check.model_extra or {}).get("contradicted", ())]
    return [Contradiction(each["example"], each["call"]) for each in found]


def corrections(rulings: Sequence[Ruling]) -> dict[int, Example]:
    """Return the corrected examples that replace those of the specification, by index."""
    return {ruling.example: ruling.corrected for ruling in rulings if ruling.corrected is not None}


def arbitrate(
    tool: ToolSpec, source: str, found: Sequence[Contradiction], attempt: int, model: ChatModel
) -> Arbitration:
    """Ask `model` whether the example or the tool is wrong in each contradiction.

    `source` is the code of the tool's module. If the model gives no usable answer, the examples stand and the reason
    says so. Raises the errors of ChatModel.
    """
    messages = [
        {"role": "system", "content": render("arbitrate/system.md.j2", tool=tool.name)},
        {"role": "user", "content": _question(tool, source, found)},
    ]
    cost: float | None = 0.0
    tokens, complaint, by_fallback = Tokens(), "", False
    for _ in range(_MAX_ANSWERS):
        answer = model.ask(messages, "ruling", _Answer.model_json_schema())
        cost, tokens = add_costs(cost, answer.cost_usd), tokens + answer.tokens
        by_fallback = by_fallback or answer.by_fallback
        given, complaint = _read(answer.text, tool, found)
        complaint = answer.fault.message if answer.fault else complaint
        if not complaint or isinstance(answer.fault, AnswerCutOff):
            break
        messages += [
            {"role": "assistant", "content": answer.text or "(empty)"},
            {"role": "user", "content": render("arbitrate/complaint.md.j2", complaint=complaint)},
        ]
    if complaint:
        reason = f"The planner gave no usable ruling, so the specification stands: {complaint}"
        given = {each.index: _One(example=each.index, wrong="tool", reason=reason) for each in found}
    hidden = hidden_example_indices(tool)
    rulings = [
        Ruling(
            example=each.index,
            held_out=each.index in hidden,
            specified=tool.examples[each.index],
            found=dict(each.call),
            wrong=given[each.index].wrong,
            corrected=_corrected(given[each.index], tool),
            reason=given[each.index].reason[:_MAX_REASON],
            planner=answer.model or model.name,
            attempt=attempt,
        )
        for each in found
    ]
    return Arbitration(rulings=tuple(rulings), cost_usd=cost, tokens=tokens, by_fallback=by_fallback)


def _question(tool: ToolSpec, source: str, found: Sequence[Contradiction]) -> str:
    """Return a prompt with the tool's code and both sides of each contradiction.

    Of the other examples it contains only those that the coder sees, so that a reason, which the coder may read, cannot
    reveal another hidden example.
    """
    disputed = [tool.examples[each.index] for each in found]
    agreed = [example for example in tool.visible().examples if example not in disputed]
    specification = tool.model_copy(update={"examples": agreed}).model_dump(mode="json")
    return render(
        "arbitrate/user.md.j2",
        specification=json.dumps(specification, indent=1, ensure_ascii=False),
        source=source,
        # The code may contain fences: this one is longer than any of them.
        fence="`" * max(3, 1 + max(map(len, re.findall("`+", source)), default=0)),
        contradictions=[
            {
                "index": each.index,
                "arguments": json.dumps(tool.examples[each.index].arguments),
                "specified": _outcome(tool.examples[each.index].model_dump(mode="json")),
                "found": _outcome(each.call),
            }
            for each in found
        ],
    )


def _read(text: str, tool: ToolSpec, found: Sequence[Contradiction]) -> tuple[dict[int, _One], str]:
    """Return the model's decisions by the example's index, and a complaint about its answer, empty if there is none."""
    try:
        given = _Answer.model_validate(read_json(json_part(text))).rulings
    except ValueError as error:
        return {}, f"The answer does not fit the schema: {str(error)[:500]}"
    wanted = [each.index for each in found]
    if sorted(one.example for one in given) != sorted(wanted):
        return {}, f"Give exactly one ruling for each of the examples {wanted}."
    return {one.example: one for one in given}, next(filter(None, (_complaint(one, tool) for one in given)), "")


def _complaint(one: _One, tool: ToolSpec) -> str:
    # Models that must fill in every key of a schema write null for what they leave out.
    where, correction = f"Example {one.example}", one.correction
    if one.wrong == "tool":
        empty = correction is None or (correction.raises is None and correction.expected is None)
        return "" if empty else f"{where}: where the tool is wrong, the correction is null."
    if correction is None:
        return f"{where}: where the example is wrong, give its correction."
    neither = correction.raises is None and "expected" not in correction.model_fields_set
    if neither or (correction.raises is not None and correction.expected is not None):
        return f"{where}: give either `expected` or `raises`."
    if correction.raises is None and (misfit := result_complaint(correction.expected, tool.returns)):
        return f"{where}: the corrected result does not fit `returns`: {misfit}"
    if _corrected(one, tool) == tool.examples[one.example]:
        return f"{where}: the correction says the same as the example."
    return ""


def _corrected(one: _One, tool: ToolSpec) -> Example | None:
    if one.wrong == "tool" or one.correction is None:
        return None
    example = tool.examples[one.example]
    same = {name: getattr(example, name) for name in ("arguments", "world", "requests", "leaves")}
    if one.correction.raises is not None:
        return ErrorExample(**same, raises=one.correction.raises)
    tolerance = example.tolerance if isinstance(example, ResultExample) else None
    return ResultExample(**same, expected=one.correction.expected, tolerance=tolerance)


def _outcome(side: Mapping[str, Any]) -> str:
    """Return the result or error of a call on one line, cut off: the tool chooses the text of its errors."""
    if "raises" in side:
        raised = side["raises"][0] if isinstance(side["raises"], list) else side["raises"]
        message = json.dumps(side["message"], ensure_ascii=False) if side.get("message") else ""
        return f"raises {raised} {message}".rstrip()[:2000]
    return json.dumps(side.get("result", side.get("expected")), ensure_ascii=False)[:2000]
