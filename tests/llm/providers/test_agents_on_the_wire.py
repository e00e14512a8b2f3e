"""An agent's conversation with every provider, through the gateway, by a client that knows OpenAI's API alone.

Such a client keeps of an answer its text and its calls, by id, name and arguments. Thoughts and their signatures are
lost in it, so the gateway has to give them back.
"""

import json

import pytest
from gateway_support import openai_client, opened
from patience import patient
from providers.anthropic import OVERLOADED
from providers.roster import NAMED, ROSTER
from providers.shared import Refused, Wish

pytestmark = pytest.mark.timeout(60)
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather__of_a_city",
        "description": "Weather of a city, on a day.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "day": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
                "where": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]},
                "units": {"type": "array", "items": {"enum": ["C", "F"], "type": "string"}},
            },
            "required": ["city"],
        },
    },
}


def forecaster(asked):
    """Ask for two cities at once, then for a third, then answer."""
    done = len(asked.results)
    if done == 0:
        return Wish("Let me see.", [("weather__of_a_city", {"city": city}) for city in ("Oslo", "Rome")], thoughts=300)
    if done == 2:
        return Wish(calls=[("weather__of_a_city", {"city": "Bern", "where": {"lat": 46.9}})], thoughts=300)
    return Wish(f"It rains: {', '.join(asked.results)}", thoughts=300)


def conversation(gateway, stream=False, steps=3):
    """Talk as an agent does, and return the last text."""
    client = openai_client(gateway)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather?"}]
    for _ in range(steps):
        text, calls = answered(client, messages, stream)
        if not calls:
            return text
        made = [
            {"id": each, "type": "function", "function": {"name": name, "arguments": given}}
            for each, name, given in calls
        ]
        messages.append({"role": "assistant", "content": text, "tool_calls": made})
        for each, _, given in calls:
            messages.append({"role": "tool", "tool_call_id": each, "content": f"wet in {json.loads(given)['city']}"})
    return None


def answered(client, messages, stream):
    """Return the text and the calls (id, name, arguments) of one answer."""
    asked = {"model": "x", "messages": messages, "tools": [WEATHER], "temperature": 0.0, "stop": ["Observation:"]}
    if not stream:
        message = client.chat.completions.create(**asked).choices[0].message
        made = message.tool_calls or []
        return message.content, [(each.id, each.function.name, each.function.arguments) for each in made]
    text, calls = "", {}
    for chunk in client.chat.completions.create(**asked, stream=True):
        delta = chunk.choices[0].delta
        text += delta.content or ""
        for each in delta.tool_calls or []:
            call = calls.setdefault(each.index, [each.id, each.function.name, ""])
            call[2] += each.function.arguments or ""
    return text, list(calls.values())


def through(member, provider, **more):
    values = member.settings(provider, **more).model_dump(exclude={"model", "api_key"}, exclude_unset=True)
    return opened(member.model, **values)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("member", ROSTER, ids=str)
def test_an_agent_gets_its_thoughts_and_tools_through(member, stream):
    effort = {"reasoning_effort": "medium"} if member.id in ("claude-4.5", "claude-5", "gpt-5.1", "o3") else {}
    with member.opened(forecaster) as provider, through(member, provider, **effort) as gateway:
        assert conversation(gateway, stream) == "It rains: wet in Oslo, wet in Rome, wet in Bern"
    assert gateway.usage.errors == []
    assert provider.refusals == []
    assert len(provider.asked) == 3
    if member.id == "gemini-3":
        assert provider.lost == 0, "every signature came back"
    if member.id == "claude-4.5":
        kinds = [block["type"] for block in provider.bodies[-1]["messages"][1]["content"]]
        assert kinds[0] == "thinking", "and every thinking block, with its signature"


# Gemini and Claude sign their thoughts, and neither takes the other's; OpenAI takes short ids alone.
PAIRS = [("gemini-3", "claude-4.5"), ("claude-4.5", "gemini-3"), ("gemini-3", "gpt-4o"), ("o3", "gemini-3"),
         ("gpt-4o", "ollama")]  # fmt: skip


@pytest.mark.parametrize(("name", "other"), PAIRS)
def test_another_provider_goes_on_in_the_middle_of_a_conversation(name, other):
    member, fallback = NAMED[name], NAMED[other]
    effort = {"reasoning_effort": "medium"} if "claude" in name else {}
    with member.opened(forecaster) as first, fallback.opened(forecaster) as second:
        away = OVERLOADED if "claude" in name else Refused(503, {"error": {"message": "away", "code": 503}})
        first.fault = lambda number: away if number > 1 else None
        stand_in = fallback.settings(second, assumed_price=(0.0, 0.0))
        more = {"fallback": stand_in, "num_retries": 0, "timeout": patient(20)}
        with through(member, first, **effort, **more) as gateway:
            assert conversation(gateway) == "It rains: wet in Oslo, wet in Rome, wet in Bern"
    assert second.refusals == []
    assert gateway.usage.by_fallback
