"""`agenthands doctor --model`: what it finds of the models of each provider, and of models that are too weak."""

import json
import re
from functools import partial

import pytest
from providers.ollama import Ollama
from providers.openai_api import Plain
from providers.roster import NAMED, ROSTER, Member
from providers.shared import Refused, Wish

from agenthands.llm.budget import Budget, BudgetTracker
from agenthands.schemas import BuildOptions
from agenthands.settings import load_settings
from agenthands.tasks.dependencies import on_trial
from agenthands.trial.agent import try_tools
from agenthands.trial.answers import try_form, try_judging, try_length
from agenthands.trial.coder import try_coding

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
NUMBERS = list(range(1, 501))
FORM = {
    "name": "add_lines",
    "parameters": {"type": "object", "properties": {"lines": {"type": "array"}, "note": {"type": ["string", "null"]}}},
    "example": {"lines": [{"net": 10}, {"net": 20}], "note": None},
}
KEYS = ("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY")


def able(asked, **changes):
    """Answer as a model that can do all of it; `changes` replaces what it says to one kind of call."""
    kind = next((name for name, words in MARKS.items() if words in asked.text), "agent")
    say = changes.get(kind, SAYS[kind])
    return say(asked) if callable(say) else say


MARKS = {
    "form": "add_lines", "long": "The question:", "judge": "You judge one answer", "coder": "exactly one line",
}  # fmt: skip


def judging(asked):
    return Wish(json.dumps({"passed": "It is 42." in asked.turns[-1].text, "reason": "17 and 25 are 42."}))


def coding(asked, colour="teal"):
    workspace = re.search(r"small file in (\S+) with", asked.text)[1]
    steps = [
        ("file_editor", {"command": "view", "path": f"{workspace}/notes.txt"}),
        ("file_editor", {"command": "create", "path": f"{workspace}/answer.py", "file_text": f'COLOUR = "{colour}"\n'}),
        ("finish", {"message": "Done."}),
    ]
    return Wish(calls=[steps[min(len(asked.results), 2)]], thoughts=500)


def forecasting(asked):
    if asked.results:
        return Wish(f"In Oslo and in Rome: {', '.join(asked.results)}.", thoughts=200)
    places = ({"city": "Oslo", "region": None}, {"city": "Rome"})
    return Wish(calls=[("weather__of_a_city", {"place": each, "day": None}) for each in places], thoughts=200)


SAYS = {
    "form": lambda asked: Wish(json.dumps(FORM), thoughts=500),
    "long": lambda asked: Wish(
        json.dumps({"word": "heron" if "heron" in asked.text else "the", "numbers": NUMBERS}), thoughts=500
    ),
    "judge": judging,
    "coder": coding,
    "agent": forecasting,
}


@pytest.fixture
def doctor(agenthands, monkeypatch, tmp_path):
    """Run the doctor for the model of a provider; returns exit code, and what it says of each role, by its mark."""
    monkeypatch.setenv("COLUMNS", "400")
    for name in KEYS:
        monkeypatch.setenv(name, "k")

    def run(member, provider, *options):
        base = provider.url + member.below
        place = ("--store", str(tmp_path / "store"), "--api-base", base)
        code, out, _ = agenthands("doctor", "--model", member.model, *place, *options)
        found = re.findall(r"^  (ok|fails) +(planner|coder|agent|judge) +(.*)$", out, re.MULTILINE)
        return (
            code,
            [(mark, role, re.match(r"(\w+):", said)[1] if mark == "fails" else "") for mark, role, said in found],
            out,
        )

    return run


ALL_WELL = [("ok", role, "") for role in ("planner", "planner", "coder", "agent", "judge")]
_OFTEN = {"gemini-3", "claude-4.5", "ollama"}


def members():
    return [pytest.param(each, id=each.id, marks=[] if each.id in _OFTEN else [pytest.mark.long]) for each in ROSTER]


@pytest.mark.parametrize("member", members())
def test_a_model_that_can_do_all_of_it(member, doctor):
    with member.opened(able) as provider:
        code, found, out = doctor(member, provider)
    assert (found, code) == (ALL_WELL, 0), (out, provider.refusals)
    cost = re.search(r"^  note +cost +(.*)$", out, re.MULTILINE)[1]
    known = member.id not in ("ollama", "plain", "plain-refusing")
    assert re.match(r"\$0\.\d\d+, \d+ calls, [\d,]+ tokens" if known else "cost unknown, ", cost), cost
    assert len(provider.asked) <= 10


WEAK = Member("weak", partial(Ollama, weak=True), "ollama/llama3.2:1b")
NO_TOOLS = Member("no-tools", partial(Ollama, tools=False), "ollama/gemma")
SMALL = Member("small", partial(Plain, window=4096), "openai/small", "/v1")


def codes(found):
    return [code for _, _, code in found]


def test_a_weak_model_that_writes_its_calls_into_the_text(doctor):
    with WEAK.opened(able) as provider:
        code, found, out = doctor(WEAK, provider)
    assert (codes(found), code) == (["", "", "tools_not_called", "tools_not_called", ""], 2), out
    assert "give the server the model's own template for them" in out


def test_a_server_without_tools(doctor):
    with NO_TOOLS.opened(able) as provider:
        code, found, out = doctor(NO_TOOLS, provider)
    assert (codes(found), code) == (["", "", "tools_refused", "tools_refused", ""], 2), out


def test_a_small_context_window(doctor):
    with SMALL.opened(able) as provider:
        code, found, out = doctor(SMALL, provider)
    assert codes(found)[:2] == ["", "context_exceeded"], out
    assert code == 2


@pytest.mark.parametrize(
    ("kind", "says", "code"),
    [
        ("form", Wish("I describe it gladly."), "answer_unreadable"),
        ("form", Wish(json.dumps({**FORM, "example": {}})), "free_form_lost"),
        ("form", Wish(json.dumps({**FORM, "example": {"rows": []}})), "answer_wrong"),
        ("long", Wish(json.dumps({"word": "heron", "numbers": NUMBERS[:40]})), "answer_wrong"),
        ("long", Wish(json.dumps({"word": "line", "numbers": NUMBERS})), "question_forgotten"),
        ("long", Wish("1, " * 400_000), "answer_cut_off"),
        ("coder", Wish("I have written it."), "tools_not_called"),
        ("coder", partial(coding, colour="red"), "work_not_done"),
        ("agent", Wish("Wet in Oslo, dry in Rome."), "tools_not_called"),
        ("agent", Wish(calls=[("weather__of_a_city", {"place": "Oslo"})]), "arguments_wrong"),
        ("agent", lambda asked: Wish("Fine.") if asked.results else forecasting(asked), "results_unread"),
        ("judge", Wish(json.dumps({"passed": True, "reason": "Yes."})), "judgement_wrong"),
        ("judge", Wish("Yes."), "answer_unreadable"),
    ],
)
def test_what_a_model_does_wrong_has_a_code(kind, says, code, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    member = NAMED["plain"]
    scope = BudgetTracker(Budget()).scope("trial")
    with member.opened(partial(able, **{kind: says})) as provider:
        on = on_trial(load_settings(BuildOptions(planner=member.model, api_base=provider.url + member.below)))
        said, found = {
            "form": lambda: try_form(on.chat(scope)),
            "long": lambda: try_length(on.chat(scope)),
            "judge": lambda: try_judging(on.chat(scope)),
            "coder": lambda: try_coding(on.coder, on.sandbox, scope),
            "agent": lambda: try_tools(on.gateway, scope),
        }[kind]()
    assert found == code, said


def test_a_provider_that_refuses_the_key_is_asked_once(doctor):
    member = NAMED["gpt-4o"]
    with member.opened(able) as provider:
        provider.fault = lambda number: Refused(401, {"error": {"message": "Incorrect API key provided."}})
        code, found, out = doctor(member, provider)
    assert (codes(found), code, len(provider.bodies)) == (["key_refused"] * 5, 2, 1), out


def test_a_trial_ends_with_its_budget(doctor, monkeypatch):
    monkeypatch.setenv("AGENTHANDS_BUDGET_TOKENS", "500")
    member = NAMED["plain"]
    with member.opened(able) as provider:
        code, found, out = doctor(member, provider)
    assert (codes(found), code) == (["", "", "budget_reached", "budget_reached", "budget_reached"], 2), out
    assert len(provider.bodies) == 2
