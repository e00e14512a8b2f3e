"""Beginnings of prompts that are the same are read from the provider's cache, and what that saved is counted."""

import json

import pytest
from gateway_support import openai_client, opened
from providers.plans import REQUEST, large_plan
from providers.roster import NAMED
from providers.shared import Wish
from tests_support import registry

from agenthands.llm.budget import Budget, BudgetTracker, MeteredModel
from agenthands.llm.litellm_model import LitellmModel
from agenthands.mcp.catalogue import load_catalogue
from agenthands.planning.planner import plan_agent
from agenthands.planning.validation import PlanningContext
from agenthands.schemas import Plan
from agenthands.store.recorder import spent

pytestmark = pytest.mark.timeout(60)
AGENT = {"tool_calling_agent": {"llm_name": ("llm", True), "tool_names": ("functions_and_groups", False)}}
REALITY = PlanningContext(registry(AGENT, ["current_datetime"]), load_catalogue())
# US dollars for a million tokens: https://platform.claude.com/docs/en/about-claude/pricing,
# https://platform.openai.com/docs/pricing, https://ai.google.dev/gemini-api/docs/pricing
PRICES = {"claude-4.5": (3.0, 0.3, 3.75, 15.0), "gpt-4o": (2.5, 1.25, 2.5, 10.0), "gemini-3": (2.0, 0.2, 2.0, 12.0)}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}


def paid(name, tokens):
    """Return the cost with and without a cache."""
    full, read, wrote, out = (price / 1e6 for price in PRICES[name])
    plain = tokens.prompt - tokens.cached - tokens.written
    said = tokens.completion * out
    return plain * full + tokens.cached * read + tokens.written * wrote + said, tokens.prompt * full + said


def marks(body):
    """Return the roles of what ends at a breakpoint; tools and system come first."""
    blocks = body.get("system") if isinstance(body.get("system"), list) else []
    found = ["system" for block in blocks if "cache_control" in block]
    for message in body.get("messages") or []:
        content = message["content"] if isinstance(message["content"], list) else []
        found += [message["role"] for block in content if "cache_control" in block]
    return found


@pytest.mark.parametrize("name", PRICES)
def test_a_plan_that_is_corrected_reads_its_beginning_again(name):
    answers = [Wish('{"name": 1}'), Wish('{"name": 2}'), Wish(large_plan())]
    tracker = BudgetTracker(Budget())
    with NAMED[name].opened(answers) as provider:
        model = MeteredModel(LitellmModel(NAMED[name].settings(provider)), tracker.scope("plan"))
        assert plan_agent(REQUEST, model, REALITY).plan == Plan.model_validate_json(large_plan())
    (spending,) = tracker.spending
    cost, without = paid(name, spending.tokens)
    assert spending.cost_usd == pytest.approx(cost)
    assert spent(tracker.spending)["uncached_usd"] == pytest.approx(without)
    assert 0 < cost < without
    if name == "claude-4.5":
        assert [marks(body) for body in provider.bodies] == [["system"], ["system", "user"], ["system", "user"]]
        assert provider.read[1] > 1024, "the system prompt"
        assert provider.read[2] > provider.read[1] + 500, "and the request with what was said about it"
    else:
        assert "cache_control" not in json.dumps(provider.bodies), "they keep beginnings by themselves"


@pytest.mark.parametrize("name", PRICES)
def test_an_agent_reads_its_conversation_again(name):
    member = NAMED[name]
    steps = [Wish(calls=[("look_up", {})]), Wish(calls=[("look_up", {})]), Wish("It is there.")]
    with (
        member.opened(steps) as provider,
        opened(member.model, api_base=provider.url + member.below) as gateway,
    ):
        messages = [{"role": "system", "content": "Look it up. " * 900}, {"role": "user", "content": "Where is it?"}]
        for _ in range(3):
            asked = {"model": "x", "messages": messages, "tools": [TOOL]}
            message = openai_client(gateway).chat.completions.create(**asked).choices[0].message
            messages.append(message.model_dump(exclude_none=True, include={"role", "content", "tool_calls"}))
            for call in message.tool_calls or []:
                messages.append({"role": "tool", "tool_call_id": call.id, "content": "Nothing. " * 50})
        (spending,) = gateway.scope.tracker.spending
    cost, without = paid(name, spending.tokens)
    assert spending.cost_usd == pytest.approx(cost)
    assert spending.cost_usd + spending.saved_usd == pytest.approx(without)
    assert spending.tokens.cached > spending.tokens.prompt / 3
    if name == "claude-4.5":
        assert [marks(body) for body in provider.bodies] == [["system", "user"]] * 3
        assert provider.read[2] > provider.read[1] > 2000
        assert spending.tokens.written == sum(provider.written) < spending.tokens.prompt / 2


def test_a_price_of_the_users_own_knows_no_cache():
    member = NAMED["gpt-4o"]
    tracker = BudgetTracker(Budget())
    with member.opened([Wish("{}"), Wish("{}")]) as provider:
        price = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}
        model = MeteredModel(LitellmModel(member.settings(provider, **price)), tracker.scope("plan"))
        for _ in range(2):
            model.ask([{"role": "user", "content": "Say JSON. " * 900}], "x", {"type": "object"})
    (spending,) = tracker.spending
    assert spending.tokens.cached > 1024
    assert (spending.saved_usd, spent(tracker.spending)["uncached_usd"]) == (0.0, None)
