"""Turns a request into a plan that can be built: asks the planner, validates its plan, sends complaints back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from pydantic import ValidationError

from agenthands._util.redaction import redact
from agenthands._util.untrusted_json import has_half_characters, read_json
from agenthands.errors import AnswerCutOff, ModelSilent, PlanRefused, RequestInvalid
from agenthands.llm.base import ChatModel
from agenthands.llm.prompts import render
from agenthands.mcp.offer import offer_servers
from agenthands.openapi.offer import offer_operations
from agenthands.planning.api_planning import as_answered, with_operations
from agenthands.planning.effects_validation import origin_complaints
from agenthands.planning.objections import CaseFeedback, Objection, PlanResult, ServerFeedback, Wish, wish_of
from agenthands.planning.plan_schema import planner_schema, shown_schema
from agenthands.planning.probes import Recordings, expanded, shown
from agenthands.planning.user_data import told_data, with_sample, without_sample
from agenthands.planning.validation import PlanningContext, validate_plan
from agenthands.planning.wishes import answer_complaints
from agenthands.schemas import MAX_REQUEST_CHARACTERS, Plan, add_costs

MAX_ANSWERS = 3
_MAX_EMPTY = 2
SERVERS_SHOWN = 6


def checked_request(request: str) -> str:
    """Return the request without surrounding space.

    Raises RequestInvalid if it is empty or too long, holds a key or control characters, or is no valid UTF-8.
    """
    text = request.strip()
    if not text:
        raise RequestInvalid("The request is empty.", 'Say what the agent should do: agenthands build "..."')
    if len(text) > MAX_REQUEST_CHARACTERS:
        raise RequestInvalid(
            f"The request has {len(text):,} characters; at most {MAX_REQUEST_CHARACTERS:,} are read.",
            "Describe the agent in a few sentences; data and documents belong into its tools.",
        )
    if redact(text) != text:
        raise RequestInvalid(
            "The request contains a key or a password.", "Leave it out: tools and servers read keys from variables."
        )
    if has_half_characters(text):
        raise RequestInvalid("The request is not text in UTF-8.", "Pass plain text.")
    if any(ord(character) < 32 and character not in "\n\r\t" for character in text):
        raise RequestInvalid("The request contains control characters.", "Pass plain text.")
    return text


def plan_agent(
    request: str,
    model: ChatModel,
    reality: PlanningContext,
    trials: Sequence[Callable[[Plan], str]] = (),
    objection: Objection | None = None,
) -> PlanResult:
    """Ask the planner, at most three times, until its plan can be built.

    `trials` are made in their order of a plan without other complaints; each returns a complaint, empty if there is
    none. With an `objection`, the planner is asked for another plan, and the earlier cost is included. Raises
    PlanRefused with the last answer, the errors of ChatModel, AnswerCutOff, or the reason for two empty answers in a
    row.
    """
    schema = planner_schema(with_apis=bool(reality.apis), of_revision=wish_of(objection) is not None)
    earlier = objection.planned if objection else None
    messages = _opening(request, reality, schema, objection)
    cost, tokens = reality.recorded.cost_usd, reality.recorded.tokens
    if earlier:
        cost, tokens = add_costs(cost, earlier.cost_usd), tokens + earlier.tokens
    elif found := shown(reality.recorded):
        messages[-1]["content"] += f"\n\n{found}"
    answer_text, complaints, empty, by_fallback = "", [""], 0, False
    for number in range(1, MAX_ANSWERS + 1):
        answer = model.ask(messages, "plan", schema)
        answer_text, by_fallback = answer.text, by_fallback or answer.by_fallback
        cost, tokens = add_costs(cost, answer.cost_usd), tokens + answer.tokens
        empty = 0 if answer_text.strip() else empty + 1
        if empty == _MAX_EMPTY:
            raise answer.fault or ModelSilent(f"{model.name} answers with empty messages.", "Choose another model.")
        if isinstance(answer.fault, AnswerCutOff):
            raise answer.fault  # half a plan says nothing about the other half: the model would be told a wrong fault
        plan, complaints = read_plan(answer_text, reality.recorded)
        if plan is not None:
            plan, complaints = with_operations(with_sample(plan, reality.data), reality.apis, reality.request)
            if not complaints:
                known = earlier.plan if earlier else None
                complaints = [
                    *origin_complaints(plan, known, reality.recorded.exchanges.values()),
                    *plan_complaints(plan, reality, trials, objection),
                ]
            if not complaints:
                answers = number + (earlier.answers if earlier else 0)
                return PlanResult(plan=plan, answers=answers, cost_usd=cost, tokens=tokens, by_fallback=by_fallback)
        messages += _sent_back(answer_text, complaints)
    raise PlanRefused(
        f"{model.name} gave no plan that can be built in {MAX_ANSWERS} answers. Last complaint: {complaints[0]}",
        "Say the request more plainly, or use a stronger planner (--planner).",
        last_answer=answer_text,
    )


def plan_complaints(
    plan: Plan,
    reality: PlanningContext,
    trials: Sequence[Callable[[Plan], str]] = (),
    objection: Objection | None = None,
) -> list[str]:
    """Return why a plan cannot be built, or is no answer to an objection; trials are made of one that could be."""
    complaints = [*validate_plan(plan, reality), *answer_complaints(plan, objection)]
    return complaints or list(islice(filter(None, (trial(plan) for trial in trials)), 1))


def _opening(
    request: str, reality: PlanningContext, schema: Mapping[str, Any], objection: Objection | None
) -> list[dict[str, str]]:
    """Return the messages up to the planner's turn; servers that proved unusable are not offered again."""
    usable = {name: server for name, server in reality.catalogue.items() if name not in reality.unusable}
    messages = [
        {"role": "system", "content": render("plan/system.md.j2", schema=shown_schema(schema))},
        {
            "role": "user",
            "content": render(
                "plan/user.md.j2",
                request=request,
                fence=fence_around(request),
                agent_types=reality.registry.plannable_agent_types(),
                builtin_tools=reality.registry.plannable_builtins(),
                models=reality.models,
                servers=offer_servers(usable, request, SERVERS_SHOWN),
            ),
        },
    ]
    if reality.data:
        messages[-1]["content"] += f"\n{told_data(reality.data)}"
    if reality.apis:
        offer = offer_operations(reality.apis, request)
        messages[-1]["content"] += "\n\n" + render(
            "plan/operations.md.j2", offer=offer, fence=fence_around(repr(offer))
        )
    if objection is None:
        return messages
    return [
        *messages,
        {"role": "assistant", "content": as_answered(without_sample(objection.planned.plan)).model_dump_json()},
        {"role": "user", "content": _told(objection)},
    ]


def _told(objection: Objection) -> str:
    """Return what the planner reads about its plan, or that of an earlier build."""
    if isinstance(objection, ServerFeedback):
        complaints = [complaint for server in objection.servers.values() for complaint in server]
        return render("plan/complaints.md.j2", complaints=complaints)
    if isinstance(objection, Wish):
        return wish_text(objection)
    assert isinstance(objection, CaseFeedback)
    wish = wish_of(objection)
    agreed = [case.id for case in wish.planned.plan.test_cases] if wish and wish.keeps else []
    fence = fence_around(*objection.stories.values(), wish.change if wish else "")
    wished = wish.change if wish else ""
    return render("plan/repair.md.j2", stories=objection.stories, agreed=agreed, wished=wished, fence=fence)


def wish_text(wish: Wish) -> str:
    """Return what the planner reads of a wish."""
    cases = [case.model_dump(mode="json") for case in wish.cases]
    return render(
        "plan/revise.md.j2",
        change=wish.change,
        keeps=wish.keeps,
        stories=wish.stories,
        background=wish.background,
        cases=json.dumps(cases, indent=1, ensure_ascii=False) if cases else "",
        examples=json.dumps([vars(each) for each in wish.examples], indent=1, ensure_ascii=False)
        if wish.examples
        else "",
        fence=fence_around(wish.change, *wish.stories.values(), *wish.background.values()),
    )


def fence_around(*texts: str) -> str:
    """Return a line of hyphens that is longer than any in the texts, so that none of them can end early."""
    return "-" * max(10, 1 + max((len(run) for text in texts for run in re.findall("-+", text)), default=0))


def _sent_back(answer: str, complaints: Sequence[str]) -> list[dict[str, str]]:
    return [
        {"role": "assistant", "content": answer or "(empty)"},
        {"role": "user", "content": render("plan/complaints.md.j2", complaints=complaints)},
    ]


def read_plan(text: str, recorded: Recordings | None = None) -> tuple[Plan | None, list[str]]:
    """Return the plan in plain or fenced JSON, which may refer to what is `recorded`; or None and exact complaints."""
    try:
        value = read_json(json_part(text))
    except json.JSONDecodeError as error:
        return None, [f"The answer is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."]
    except ValueError as error:
        return None, [f"The answer is not JSON: {error}."]
    try:
        return Plan.model_validate(expanded(value, recorded or Recordings())), []
    except ValidationError as error:
        return None, _readable(error)
    except ValueError as error:
        return None, [f"worlds: {error}."]


def json_part(text: str) -> str:
    """Return the content of the last code fence in a Markdown answer, or the whole answer."""
    fences: Sequence[str] = re.findall(r"```(?:json)?\s*\n(.*?)\n?```", text, re.DOTALL)
    if fences and not text.lstrip().startswith("{"):
        return fences[-1]
    return text.strip()


def _readable(error: ValidationError) -> list[str]:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [f"{'.'.join(map(str, each['loc'])) or 'plan'}: {each['msg']}" for each in found[:20]]
