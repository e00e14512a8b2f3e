"""Lets the planner look at what allowed hosts really answer, before it plans; it may take that over into its plan."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field, ValidationError

from agenthands._util.untrusted_json import read_json
from agenthands.llm.base import ChatModel
from agenthands.llm.prompts import render
from agenthands.outside.probing import AllowedHost, Probe, Probed, make_probes
from agenthands.schemas import Exchange, Tokens, add_costs
from agenthands.schemas.part import Part

MOST_PROBES, MOST_ROUNDS = 8, 2
_REFERENCE = "recorded"


class _Probes(Part):
    """The planner's answer: requests to make, none if it has seen enough."""

    probes: list[Probe] = Field(default_factory=list)


@dataclass(frozen=True)
class Recordings:
    """What probes found, by their names, and what the planner cost that named them."""

    probed: Sequence[Probed] = ()
    cost_usd: float | None = 0.0
    tokens: Tokens = field(default_factory=Tokens)

    @property
    def exchanges(self) -> dict[str, Exchange]:
        """The exchanges that a plan may refer to."""
        return {each.name: each.exchange for each in self.probed if each.exchange}


def look_first(
    request: str, model: ChatModel, allowed: Sequence[AllowedHost], variables: Mapping[str, str]
) -> Recordings:
    """Ask the planner which requests to make, make them, and return what came; at most twice, eight requests in all.

    An answer that names none, or cannot be read, ends it. Raises the errors of ChatModel.
    """
    schema = _Probes.model_json_schema()
    probed: list[Probed] = []
    cost: float | None = 0.0
    tokens = Tokens()
    if not allowed:
        return Recordings()
    keys = {host.rule.name: [key for key in host.keys if variables.get(key)] for host in allowed}
    for _ in range(MOST_ROUNDS):
        left = MOST_PROBES - len(probed)
        told = render(
            "plan/probe.md.j2", request=request, fence=fence_around(request), hosts=keys, most=left,
            schema=json.dumps(schema), found=shown(Recordings(probed)) if probed else "",
        )  # fmt: skip
        answer = model.ask([{"role": "user", "content": told}], "probes", schema)
        cost, tokens = add_costs(cost, answer.cost_usd), tokens + answer.tokens
        wanted = _read(answer.text)[:left]
        if not wanted:
            break
        probed += make_probes(wanted, allowed, variables, len(probed) + 1)
    return Recordings(tuple(probed), cost, tokens)


def shown(recordings: Recordings) -> str:
    """Return what probes found, for the planner to read."""
    texts = [_told(each) for each in recordings.probed]
    return render("plan/recorded.md.j2", probes=texts, fence=fence_around(*texts)) if texts else ""


def _told(probed: Probed) -> str:
    head = f"{probed.name}: {probed.probe.method} {probed.probe.url}"
    if probed.exchange is None:
        return f"{head}\nno answer: {probed.message}"
    response = probed.exchange.response.model_dump(mode="json", exclude_defaults=True)
    return f"{head}\n{json.dumps({'status': probed.exchange.response.status, **response}, ensure_ascii=False)}"


def _read(text: str) -> list[Probe]:
    from agenthands.planning.planner import json_part

    try:
        return _Probes.model_validate(read_json(json_part(text))).probes
    except (ValueError, ValidationError):
        return []


def expanded(value: Any, recordings: Recordings) -> Any:
    """Return a plan's JSON with exchanges in place of `{"recorded": "probe-1"}`.

    Raises ValueError for a reference to what is not there.
    """
    if not isinstance(value, dict):
        return value
    known = recordings.exchanges
    for world in _worlds(value):
        world["http"] = [_resolved(each, known) for each in world["http"]]
    return value


def _worlds(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the worlds of a plan's JSON that have a list of exchanges, whatever else is wrong with it."""
    tools = value.get("custom_tools")
    worlds = [tool.get("worlds") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    each = [world for found in worlds if isinstance(found, dict) for world in found.values()]
    return [world for world in each if isinstance(world, dict) and isinstance(world.get("http"), list)]


def _resolved(written: Any, known: Mapping[str, Exchange]) -> Any:
    if not isinstance(written, dict) or _REFERENCE not in written:
        return written
    exchange = known.get(str(written[_REFERENCE]))
    if exchange is None or written.keys() - {_REFERENCE, "turn"}:
        there = ", ".join(known) or "none"
        raise ValueError(
            f'{json.dumps(written)[:100]}: write {{"recorded": NAME}}, with a turn as needed; there are {there}'
        )
    more = {"turn": written["turn"]} if "turn" in written else {}
    return {**exchange.model_dump(mode="json"), **more}


def fence_around(*texts: str) -> str:
    """Return a line of hyphens that is longer than any in the texts."""
    from agenthands.planning.planner import fence_around as around

    return around(*texts)
