"""What a plan says of its MCP servers: tools, leave to do more than read, settings."""

import pytest
from mcp_servers import clock_entry
from tests_support import PLAN, registry

from agenthands.mcp.registry_entry import server_of
from agenthands.planning.validation import PlanningContext, validate_plan
from agenthands.schemas import Plan

AGENT = {"llm_name": ("llm", True), "tool_names": ("functions_and_groups", False)}
REGISTRY = registry({"tool_calling_agent": AGENT}, ["current_datetime"])
REQUEST = "Read our clocks, and “set them”  when I say so. Größe: Füße"
MARKED = [{"name": "read_clock", "does": "reads"}, {"name": "set_clock", "does": "writes"}, {"name": "wind_clock"},
          {"name": "clock_read_clock", "does": "reads", "same_as": "read_clock"}]  # fmt: skip
MODE = {"name": "CLOCK_MODE", "choices": ["quiet", "loud"]}
FOLDER = {"name": "CLOCK_FOLDER", "format": "filepath"}


def complaints(tools=("read_clock",), request=REQUEST, **server):
    document = clock_entry(tools=MARKED)
    document["packages"][0]["environmentVariables"] += [MODE, FOLDER]
    wanted = {"id": "clock", "tools": list(tools), "reasoning": "?", **server}
    agents = [{**PLAN["agents"][0], "tools": ["clock"]}]
    changes = {"custom_tools": [], "builtin_tools": [], "mcp_servers": [wanted], "agents": agents}
    cases = [{"id": "a", "query": "?", "expected_behavior": "!"}]
    plan = Plan.model_validate({**PLAN, **changes, "test_cases": cases})
    return validate_plan(plan, PlanningContext(REGISTRY, {"clock": server_of("clock", document)}, request=request))


def grant(tool="set_clock", does="writes", asked_for="set them"):
    return {"tool": tool, "does": does, "asked_for": asked_for}


@pytest.mark.parametrize("asked_for", ["set them", "SET  them", "größe", "füße"])
def test_a_tool_that_writes_is_taken_where_the_request_is_quoted(asked_for):
    assert complaints(["read_clock", "set_clock"], grants=[grant(asked_for=asked_for)]) == []


@pytest.mark.parametrize(
    ("server", "complaint"),
    [
        ({"tools": ["set_clock"]}, "'set_clock' is marked [writes]. Leave it out, unless the request asks"),
        ({"tools": ["wind_clock"]}, "'wind_clock' is marked [writes]"),  # nobody has said what it does
        ({"tools": ["set_clock"], "grants": [grant(asked_for="keep them right")]}, "is not in the request"),
        ({"tools": ["set_clock"], "grants": [grant(does="pays")]}, "'set_clock' is marked [writes], not [pays]"),
        ({"grants": [grant("read_clock")]}, "'read_clock' needs no grant"),
        ({"grants": [grant()]}, "'set_clock' needs no grant"),
        ({"tools": ["read_clock", "clock_read_clock"]}, "is 'read_clock' under another name; list it once"),
        ({"tools": ["wind"]}, "clock has no tool 'wind'; it has read_clock, set_clock, wind_clock."),
        ({"settings": {"ZOME": "UTC"}}, "there is no 'ZOME'; there are CLOCK_ZONE, CLOCK_MODE, CLOCK_FOLDER, ZONE"),
        ({"settings": {"CLOCK_KEY": "x"}}, "'CLOCK_KEY' is a secret, which the user fills in"),
        ({"settings": {"ZONE": "${HOME}"}}, "settings.ZONE: it must hold no backslash"),
        ({"settings": {"ZONE": "x'; DROP"}}, "without quotes"),
        ({"settings": {"ZONE": " "}}, "settings.ZONE: it must be 1 to 500 characters"),
        ({"settings": {"ZONE": "x" * 501}}, "settings.ZONE: it must be 1 to 500 characters"),
        ({"settings": {"CLOCK_MODE": "noisy"}}, "it must be one of quiet, loud"),
        ({"settings": {"CLOCK_FOLDER": "data"}}, "a path must be absolute"),
    ],
)
def test_what_cannot_be_built_is_named(server, complaint):
    found = complaints(**server)
    assert len(found) == 1, found
    assert complaint in found[0]


def test_settings_that_fit_are_taken():
    settings = {"ZONE": "Europe/Berlin", "CLOCK_MODE": "loud", "CLOCK_FOLDER": "/srv/clock data"}
    assert complaints(settings=settings) == []


def test_without_a_request_a_grant_need_not_quote():
    assert complaints(["set_clock"], request="", grants=[grant(asked_for="what I said before")]) == []
