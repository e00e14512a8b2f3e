"""A planner that looks at real hosts first: what is asked, what it is shown, and what its plan may say of it."""

import json

import pytest
from real_host import KEY, real_host

from agenthands.errors import SettingsInvalid
from agenthands.llm.base import ChatAnswer
from agenthands.outside.probing import AllowedHost, Probe, make_probes
from agenthands.planning.planner import read_plan
from agenthands.planning.probes import MOST_PROBES, Recordings, expanded, look_first, shown
from agenthands.schemas import Tokens

pytestmark = pytest.mark.timeout(120)
HOST = "api.weather.example"


class Planner:
    """Answers one text after the other, and keeps what it was asked."""

    name = "scripted"

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def ask(self, messages, name, schema):
        self.asked.append((name, messages[-1]["content"]))
        return ChatAnswer(self.answers.pop(0), 0.25, Tokens(prompt=10, completion=1))


def weather(asked):
    if "Atlantis" in asked["path"]:
        return 404, {}, {"error": "no such city"}
    return (
        200,
        {"Retry-After": "5"},
        {"temperature": 3, "by": "jo@weather.org", "key": asked["headers"].get("x-key", "")},
    )


@pytest.fixture
def host(tmp_path, monkeypatch):
    with real_host(tmp_path, HOST, answer=weather) as (server, store):
        monkeypatch.setenv("SSL_CERT_FILE", str(store))
        server.allowed = AllowedHost.parse(f"{server.rule(HOST)}+WEATHER_API_KEY")
        yield server


def probe(path, **more):
    return {"url": f"https://{HOST}{path}", **more}


def test_a_planner_names_probes_twice_and_is_shown_what_came(host):
    first = {"probes": [probe("/now?city=Bonn", headers={"X-Key": "${WEATHER_API_KEY}"}), probe("/?city=Atlantis")]}
    planner = Planner(json.dumps(first), f"```json\n{json.dumps({'probes': [probe('/now', method='HEAD')]})}\n```")
    found = look_first("The weather", planner, [host.allowed], {"WEATHER_API_KEY": KEY})
    assert [(each.name, each.exchange.response.status) for each in found.probed] == [
        ("probe-1", 200), ("probe-2", 404), ("probe-3", 200),
    ]  # fmt: skip
    assert host.asked[0]["headers"]["x-key"] == KEY
    bonn = found.exchanges["probe-1"]
    assert bonn.response.json_body == {"temperature": 3, "by": "person1@example.org", "key": "${WEATHER_API_KEY}"}
    assert (bonn.origin, bonn.request.headers) == ("recorded", {})
    assert (found.cost_usd, found.tokens.prompt) == (0.5, 20)
    (name, opening), (_, again) = planner.asked
    assert name == "probes"
    assert f"- {HOST}, with the keys WEATHER_API_KEY" in opening
    assert "no such city" in again
    assert KEY not in opening + again + shown(found)


def test_without_allowed_hosts_nothing_is_asked():
    planner = Planner()
    assert look_first("The weather", planner, [], {}) == Recordings()
    assert planner.asked == []


@pytest.mark.parametrize("answer", ["nonsense", "[]", '{"probes": []}', '{"probes": [{"url": "u", "method": "POST"}]}'])
def test_an_answer_without_usable_probes_ends_it(host, answer):
    assert look_first("The weather", Planner(answer), [host.allowed], {}).probed == ()


def test_there_are_bounds(host):
    many = json.dumps({"probes": [probe(f"/{number}") for number in range(50)]})
    planner = Planner(many, many)
    assert len(look_first("The weather", planner, [host.allowed], {}).probed) == MOST_PROBES


@pytest.mark.parametrize(("url", "headers", "said"), [
    ("https://other.example.org/", {}, "does not allow"),
    (f"http://{HOST}/", {}, "https"),
    (f"https://{HOST}:8443/", {}, "usual port"),
    (f"https://user@{HOST}/", {}, "without user"),
    ("https://[::1/", {}, "no URL"),
    (f"https://{HOST}/", {"X": "${OPENAI_API_KEY}"}, "no key OPENAI_API_KEY"),
    (f"https://{HOST}/", {"X": "${WEATHER_API_KEY}"}, "not set"),
    (f"https://{HOST}/", {"X": "a\r\nb: c"}, "breaks the connection off"),
])  # fmt: skip
def test_what_may_not_be_asked_is_told(host, url, headers, said):
    (found,) = make_probes([Probe(url=url, headers=headers)], [host.allowed], {"OPENAI_API_KEY": "very-secret-1"})
    assert found.exchange is None
    assert said in found.message
    assert host.asked == []


def test_a_plan_refers_to_probes(host):
    found = Recordings(make_probes([Probe(url=f"https://{HOST}/now?city=Bonn")], [host.allowed], {}))

    def plan(*http):
        return {"custom_tools": [{"worlds": {"usual": {"http": list(http)}}}]}

    def http(value):
        return value["custom_tools"][0]["worlds"]["usual"]["http"]

    (taken,) = http(expanded(plan({"recorded": "probe-1", "turn": 2}), found))
    assert (taken["origin"], taken["turn"]) == ("recorded", 2)
    assert taken["response"]["json"]["temperature"] == 3
    assert http(expanded(plan(taken), found)) == [taken]  # a planner may repeat it as it is
    for wrong in ({"recorded": "probe-9"}, {"recorded": "probe-1", "request": {}}):
        nothing, (said,) = read_plan(json.dumps(plan(wrong)), found)
        assert nothing is None
        assert "there are probe-1" in said
    for odd in ({}, [], {"custom_tools": 1}, {"custom_tools": [{"worlds": []}, 2]}, plan(1)):
        assert expanded(odd, found) == odd


@pytest.mark.parametrize("text", ["api.example.org+lower", "https://a.example", "a b", "api.example.org="])
def test_what_is_no_host_is_told(text):
    with pytest.raises(SettingsInvalid):
        AllowedHost.parse(text)
