"""Who is wrong where an example contradicts a tool that passes everything else: the planner is asked once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jsonschema
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agenthands.models import (
    CustomTool,
    ErrorExample,
    GateReport,
    ResultExample,
    Ruling,
    Tokens,
    add_costs,
    held_out_indices,
)
from agenthands.planning import json_part
from agenthands.ports import ChatModel
from agenthands.prompting import render

_MAX_ANSWERS = 2
_EXAMPLE_CHECKS = {"examples", "held_out"}
Example = ResultExample | ErrorExample


@dataclass(frozen=True)
class Contradiction:
    """An example, by its index in the specification, and what the tool did instead of it."""

    index: int
    call: Mapping[str, Any]


@dataclass(frozen=True)
class Arbitration:
    """The rulings on all contradictions, and what asking cost. `cost_usd` is None where the price is unknown."""

    rulings: tuple[Ruling, ...]
    cost_usd: float | None
    tokens: Tokens


class _Correction(BaseModel):
    model_config = ConfigDict(extra="forbid")

    expected: Any = Field(None, description="The right result; leave it out where the call must raise")
    raises: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Class name of the exception")


class _One(BaseModel):
    model_config = ConfigDict(extra="forbid")

    example: int
    wrong: Literal["example", "tool"]
    correction: _Correction | None = Field(None, description="The corrected example; null where the tool is wrong")
    reason: str = Field(min_length=1, max_length=2000, description="One or two sentences, from the specification")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rulings: list[_One]


def contradictions(report: GateReport) -> list[Contradiction]:
    """Give the examples that contradict the tool, if nothing else is wrong with it; otherwise none."""
    failures = report.failures()
    if not failures or not {check.name for check in failures} <= _EXAMPLE_CHECKS:
        return []
    found = [each for check in failures for each in (check.model_extra or {}).get("contradicted", [])]
    return [Contradiction(each["example"], each["call"]) for each in found]


def corrections(rulings: Sequence[Ruling]) -> dict[int, Example]:
    """Give the examples that rulings have put in the place of the specification's, by index."""
    return {ruling.example: ruling.corrected for ruling in rulings if ruling.corrected is not None}


def arbitrate(tool: CustomTool, source: str, found: Sequence[Contradiction], model: ChatModel) -> Arbitration:
    """Ask which side is wrong about each contradiction.

    `source` is the tool's module. Where the model gives no usable answer, the examples stand, and the reason says so.
    Raises ModelNotUsable or ModelUnavailable.
    """
    specification = json.dumps(tool.model_dump(mode="json", exclude={"examples"}), indent=1, ensure_ascii=False)
    shown = [
        {
            "index": each.index,
            "arguments": json.dumps(tool.examples[each.index].arguments),
            "specified": _outcome(tool.examples[each.index].model_dump(mode="json")),
            "found": _outcome(each.call),
        }
        for each in found
    ]
    messages = [
        {"role": "system", "content": render("arbitrate/system.md.j2", tool=tool.name)},
        {
            "role": "user",
            "content": render("arbitrate/user.md.j2", specification=specification, source=source, contradictions=shown),
        },
    ]
    cost: float | None = 0.0
    tokens, complaint = Tokens(), ""
    for _ in range(_MAX_ANSWERS):
        answer = model.ask(messages, "ruling", _Answer.model_json_schema())
        cost, tokens = add_costs(cost, answer.cost_usd), tokens + answer.tokens
        rulings, complaint = _read(answer.text, tool, found)
        if rulings:
            return Arbitration(tuple(rulings), cost, tokens)
        messages += [
            {"role": "assistant", "content": answer.text or "(empty)"},
            {"role": "user", "content": render("arbitrate/complaint.md.j2", complaint=complaint)},
        ]
    reason = f"The planner gave no usable ruling, so the specification stands: {complaint}"
    standing = [_One(example=each.index, wrong="tool", reason=reason[:2000]) for each in found]
    return Arbitration(tuple(_ruling(tool, each, one) for each, one in zip(found, standing, strict=True)), cost, tokens)


def _read(text: str, tool: CustomTool, found: Sequence[Contradiction]) -> tuple[list[Ruling], str]:
    """Give the rulings in the order of the contradictions, or none and what is wrong with the answer."""
    try:
        given = _Answer.model_validate(json.loads(json_part(text))).rulings
    except (ValidationError, ValueError, RecursionError) as error:
        return [], f"The answer does not fit the schema: {str(error)[:500]}"
    wanted = [each.index for each in found]
    if sorted(one.example for one in given) != sorted(wanted):
        return [], f"Give exactly one ruling for each of the examples {wanted}."
    by_index = {one.example: one for one in given}
    for one in given:
        if complaint := _complaint(one, tool):
            return [], complaint
    return [_ruling(tool, each, by_index[each.index]) for each in found], ""


def _complaint(one: _One, tool: CustomTool) -> str:
    where = f"Example {one.example}"
    if one.wrong == "tool":
        return f"{where}: where the tool is wrong, the correction is null." if one.correction else ""
    if one.correction is None:
        return f"{where}: where the example is wrong, give its correction."
    given = one.correction.model_fields_set
    if ("expected" in given) == (one.correction.raises is not None):
        return f"{where}: give either `expected` or `raises`."
    if one.correction.raises is None:
        validator = jsonschema.Draft202012Validator(tool.returns)
        error = jsonschema.exceptions.best_match(validator.iter_errors(one.correction.expected))
        if error:
            return f"{where}: the corrected result does not fit `returns`: {error.message[:300]}"
    return ""


def _ruling(tool: CustomTool, contradiction: Contradiction, one: _One) -> Ruling:
    specified = tool.examples[one.example]
    corrected: Example | None = None
    if one.correction is not None and one.correction.raises is not None:
        corrected = ErrorExample(arguments=specified.arguments, raises=one.correction.raises)
    elif one.correction is not None:
        corrected = ResultExample(arguments=specified.arguments, expected=one.correction.expected)
    return Ruling(
        example=one.example,
        held_out=one.example in held_out_indices(tool),
        specified=specified,
        found=dict(contradiction.call),
        wrong=one.wrong,
        corrected=corrected,
        reason=one.reason,
    )


def _outcome(side: Mapping[str, Any]) -> str:
    if "raises" in side:
        raised = side["raises"][0] if isinstance(side["raises"], list) else side["raises"]
        return f"raises {raised}" + (f": {side['message']}" if side.get("message") else "")
    return json.dumps(side.get("result", side.get("expected")), ensure_ascii=False)[:2000]
